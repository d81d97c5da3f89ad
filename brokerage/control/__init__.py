"""The control schema: who is connected, their encrypted secrets, the state of syncs, the logs."""
