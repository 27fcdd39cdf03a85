package policyd.policies.no_provider_services_test

import data.policyd.lib.fixture
import data.policyd.policies.no_provider_services

test_provider_is_reported if {
	found := no_provider_services.violation with input as fixture.app({"provider": "cloud-accelerator"})
	found == {{
		"msg": "service app is created by the provider cloud-accelerator, a program on the host",
		"service": "app",
		"path": ["services", "app", "provider"],
	}}
}

test_container_is_not if {
	found := no_provider_services.violation with input as fixture.app({})
	found == set()
}
