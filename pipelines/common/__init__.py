"""What all vendors share: HTTP, rate budgets, row checking, Arrow batches, loading, cursors."""
