"""The receiver of webhooks: proves, stores, and only then acknowledges."""
