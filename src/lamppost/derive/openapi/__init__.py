"""What an API promises, as OpenAPI 3.1: https://spec.openapis.org/oas/v3.1.1.html."""
