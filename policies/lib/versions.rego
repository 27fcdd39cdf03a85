package policyd.lib.versions

# parse is a version as four numbers, which compare in order: 580.159.04 is [580, 159, 4, 0].
# It is undefined for other texts.
parse(version) := array.slice(array.concat([number(part) | some part in split(version, ".")], [0, 0, 0, 0]), 0, 4) if {
	regex.match(`^[0-9]{1,9}(\.[0-9]{1,9}){0,3}$`, version)
}

number(digits) := 0 if trim_left(digits, "0") == ""

number(digits) := to_number(trim_left(digits, "0")) if trim_left(digits, "0") != ""

# compare two parsed versions, or two texts.
compare(a, "=", b) if a == b

compare(a, "!=", b) if a != b

compare(a, "<", b) if a < b

compare(a, "<=", b) if a <= b

compare(a, ">", b) if a > b

compare(a, ">=", b) if a >= b
