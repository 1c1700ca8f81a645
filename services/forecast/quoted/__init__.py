"""What pricing tells of quotes that set a deal's amount: list, pocket, cost, and what lies below the floor of its band."""
