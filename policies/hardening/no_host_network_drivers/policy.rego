# METADATA
# title: Network of the host
# description: "A network with the driver macvlan, ipvlan or host puts containers directly into the
#   network of the host, past its firewall."
# related_resources:
#   - ref: https://docs.docker.com/engine/network/drivers/
#     description: "Docker: network drivers"
#   - ref: https://cheatsheetseries.owasp.org/cheatsheets/Docker_Security_Cheat_Sheet.html
#     description: "OWASP Docker Security Cheat Sheet, rule 5: be mindful of connectivity between
#       containers"
# custom:
#   id: no-host-network-drivers
#   severity: medium
#   remediation: "Remove `driver`, so that the network is a bridge of its own, and publish the ports that
#     others need."
package policyd.policies.no_host_network_drivers

violation contains {"msg": msg, "service": "", "path": ["networks", name, "driver"]} if {
	some name, network in input.project.networks
	network.driver in {"macvlan", "ipvlan", "host"}
	msg := sprintf("the network %s has the driver %s", [name, network.driver])
}
