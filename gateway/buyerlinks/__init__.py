"""Links by which a buyer without an account sees one close plan and ticks their own tasks."""
