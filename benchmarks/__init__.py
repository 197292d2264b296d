"""Commands that print a figure. Each makes its own data directory and database; none touches yours."""
