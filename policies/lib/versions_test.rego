package policyd.lib.versions_test

import data.policyd.lib.versions

test_version_is_four_numbers if {
	versions.parse("580.159.04") == [580, 159, 4, 0]
	versions.parse("13") == [13, 0, 0, 0]
	versions.parse("007.0.08.9") == [7, 0, 8, 9]
}

test_other_texts_are_no_version if {
	{text | some text in ["", "1.", ".1", "1..2", "1.2.3.4.5", "12.x", "-1", " 1", "1234567890"]; versions.parse(text)} == set()
}

test_versions_compare_as_numbers if {
	versions.parse("9.2") < versions.parse("10.0")
	versions.parse("580.65.06") < versions.parse("580.159.04")
	versions.parse("535") == versions.parse("535.0.00")
	versions.parse("999999999") > versions.parse("99999999.9")
}

test_operators_mean_what_they_say if {
	{operator | some operator in ["=", "!=", "<", "<=", ">", ">="]; versions.compare([1, 2], operator, [1, 10])} == {"!=", "<", "<="}
	{operator | some operator in ["=", "!=", "<", "<=", ">", ">="]; versions.compare([2, 0], operator, [1, 10])} == {"!=", ">", ">="}
	{operator | some operator in ["=", "!=", "<", "<=", ">", ">=", "=="]; versions.compare([1], operator, [1])} == {"=", "<=", ">="}
}
