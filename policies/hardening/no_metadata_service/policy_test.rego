package policyd.policies.no_metadata_service_test

import data.policyd.lib.fixture
import data.policyd.policies.no_metadata_service

# under is the input of service "app" with `fields`, under one constraint.
under(fields, parameters) := object.union(fixture.app(fields), {"constraints": {"no-metadata-service": [{
	"name": "c",
	"parameters": parameters,
}]}})

test_address_in_the_list_is_reported if {
	given := under({"extra_hosts": ["db=192.0.2.7", "x=169.254.169.254"]}, {"addresses": ["169.254.169.254"]})
	found := no_metadata_service.violation with input as given
	{[v.service, v.path, v.msg] | some v in found} == {[
		"app",
		["services", "app", "extra_hosts", 1],
		"service app names the metadata service of the cloud: x=169.254.169.254",
	]}
}

test_other_addresses_are_allowed if {
	given := under({"extra_hosts": ["x=1169.254.169.254"]}, {"addresses": ["169.254.169.254"]})
	found := no_metadata_service.violation with input as given
	found == set()
}
