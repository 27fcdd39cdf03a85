package policyd.lib.requirements_test

import data.policyd.lib.requirements

facts := {"cuda": [12, 2, 0, 0], "driver": [535, 104, 5, 0], "brand": "tesla", "arch": [8, 0, 0, 0]}

met(values) := {value | some value in values; requirements.met(value, facts)}

test_one_term_is_a_condition if {
	values := {
		"cuda>=12.2", "cuda>=12.1", "cuda=12.2.0", "cuda<13", "cuda!=11.8", "driver>=535", "driver<536",
		"driver>535.104", "driver<=535.104.05", "brand=tesla", "brand=TESLA", "brand!=geforce", "arch>=7.5", "ARCH=8.0",
	}
	met(values) == values
}

test_what_does_not_hold_is_not_met if {
	met({
		"cuda>=12.3", "cuda>=12.10", "cuda<12.2", "cuda>12.2", "cuda!=12.2", "driver>=550", "driver<535.104.5",
		"brand=geforce", "brand!=tesla", "arch>8.0",
	}) == set()
}

test_terms_with_commas_must_all_hold if {
	met({"brand=tesla,driver>=535,driver<536", "brand=tesla,driver>=550,driver<551", "brand=grid,driver>=535,driver<536"}) == {"brand=tesla,driver>=535,driver<536"}
}

test_one_of_the_alternatives_is_enough if {
	values := {
		"cuda>=12.6 brand=unknown,driver>=535,driver<536 brand=tesla,driver>=535,driver<536",
		"cuda>=12.6 brand=tesla,driver>=525,driver<526",
		"cuda>=12.2 nonsense",
		"  cuda>=12.9   cuda>=12.2,, ",
	}
	met(values) == values - {"cuda>=12.6 brand=tesla,driver>=525,driver<526"}
}

test_nothing_asks_for_nothing if {
	met({"", "  ", ",", " , ,"}) == {"", "  ", ",", " , ,"}
}

test_what_is_no_condition_is_not_met if {
	met({"cuda", "cuda>=", ">=12", "cuda>=twelve", "cuda~12", "cuda=>12", "brand>=tesla", "brand<1", "cuda>=99 ,", "memory>=12", "cuda>=99999999999999999999", "cuda>=12.2;"}) == set()
}

test_what_is_not_known_is_taken_to_hold if {
	unknown := object.union(facts, {"brand": "", "arch": []})
	requirements.met("brand=geforce,arch>=9.0,cuda>=12.0", unknown)
	not requirements.met("brand=geforce,cuda>=13.0", unknown)
}

# As the CUDA 13 images have it.
test_image_of_cuda_13_runs_on_a_listed_branch if {
	value := concat(" ", array.concat(["cuda>=13.0"], [sprintf("brand=%s,driver>=%d,driver<%d", [brand, branch, branch + 1]) |
		some brand in ["unknown", "grid", "tesla", "nvidia"]
		some branch in [535, 550, 565]
	]))
	count(requirements.alternatives(value)) == 13
	requirements.met(value, facts)
	not requirements.met(value, object.union(facts, {"driver": [545, 23, 8, 0]}))
	not requirements.met(value, object.union(facts, {"brand": "geforce"}))
	requirements.met(value, object.union(facts, {"brand": "geforce", "cuda": [13, 0, 0, 0]}))
}

test_condition_that_is_too_long_is_not_met if {
	long := concat(" ", [sprintf("cuda>=%d", [number]) | some number in numbers.range(1, 2500)])
	not requirements.met(long, facts)
	requirements.met(substring(long, 0, 20000), facts)
}
