"""The database: the embedded server, engines and addresses, roles and schemas."""
