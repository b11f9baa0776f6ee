"""Model registry: repositories, commits, references and the files behind them."""
