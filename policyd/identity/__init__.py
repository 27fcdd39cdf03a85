"""Who a CI job is, by the OpenID Connect token that its CI system issued for it."""
