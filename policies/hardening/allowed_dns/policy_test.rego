package policyd.policies.allowed_dns_test

import data.policyd.lib.fixture
import data.policyd.policies.allowed_dns

constraints := {"allowed-dns": [{
	"name": "c",
	"parameters": {"servers": ["192.0.2.53"], "options": [], "domains": ["acme.example"]},
}]}

test_other_values_are_reported if {
	keys := {"dns": ["192.0.2.53", "8.8.8.8"], "dns_opt": ["use-vc"], "dns_search": ["evil.example"]}
	found := allowed_dns.violation with input as object.union(fixture.keys(keys), {"constraints": constraints})
	{[v.path, v.msg] | some v in found} == {
		[["services", "app", "dns", 1], "service app has the name server 8.8.8.8, which is not allowed"],
		[["services", "app", "dns_opt", 0], "service app has the DNS option use-vc, which is not allowed"],
		[
			["services", "app", "dns_search", 0],
			"service app has the search domain evil.example, which is not allowed",
		],
	}
}

test_listed_values_are_allowed if {
	keys := {"dns": ["192.0.2.53"], "dns_search": ["acme.example"]}
	found := allowed_dns.violation with input as object.union(fixture.keys(keys), {"constraints": constraints})
	found == set()
}
