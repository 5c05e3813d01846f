"""The server: ensembles behind the OpenAI API, where an ensemble is just a model name.

    service.py     what all requests share: the models, the journal, the runs under way
    gate.py        who may come in, and what a run of theirs may take: the seam for keys
    hub.py         all runs; live.py: one of them, a task of the server's own, watched by any number of clients
    answering.py   a request's runs: begun, waited for, streamed
    chat*.py       ``POST /v1/chat/completions``; ``translate.py`` makes a job of a request
    models.py      ``GET /v1/models``
    errors.py      one table: an error of ours -> a status and a body in OpenAI's shape
    app.py         the FastAPI application; serving.py runs it on uvicorn

It needs the extra ``server``; nothing of it is imported before it is asked for.
"""
