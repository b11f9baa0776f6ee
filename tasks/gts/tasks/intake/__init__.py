"""From files and rows to the checked data of every task type but classification."""
