"""The page: what people see of a server in a browser. It is composed with the server by the command line alone."""
