"""Follow Up Boss, imitated from its contract: ``/fub/v1/...`` and ``/fub/oauth/...``."""
