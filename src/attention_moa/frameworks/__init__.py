"""Ensembles inside other frameworks, in process: a model of pydantic-ai, a model provider of Inspect AI."""
