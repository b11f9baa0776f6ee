"""The platform: REST API, web pages, command line, Python client, and the processes behind them."""
