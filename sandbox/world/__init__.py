"""One synthetic brokerage: people, sponsor tree, teams, deals, caps, revenue share, stock."""
