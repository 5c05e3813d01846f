"""What clients are told of errors: a status, a body in OpenAI's shape, and never a trace."""

from __future__ import annotations

import msgspec
import pytest

from attention_moa.errors import (
    BudgetError,
    ConfigError,
    DeadlineError,
    FormatError,
    MoaError,
    QuorumError,
    RunBusyError,
    RunError,
    RunNotFoundError,
    StoreError,
    TransportError,
)
from attention_moa.messages import Stage
from attention_moa.records import Loss, RunRecord
from attention_moa.server.errors import ApiError, api_error
from tests.worlds import QUESTION, a_spec


def partial(*kinds: str) -> RunRecord:
    """Return the record of a run whose agents were lost, each by an error of some kind."""
    losses = tuple(
        Loss(stage=Stage.ANSWER, layer=1, agent=f"a{number}", kind=kind, message="it says so")
        for number, kind in enumerate(kinds)
    )
    return RunRecord(
        run_id="r1", created_at="", ensemble=a_spec(), conversation=QUESTION, state="failed", losses=losses
    )


def of_run(kind: type[RunError], *kinds: str) -> ApiError:
    """Return what is told of a run that ended so."""
    return api_error(kind("no more", run_id="r1", partial=partial(*kinds)), is_operator=True)


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        (DeadlineError, 504, "deadline_exceeded"),
        (BudgetError, 429, "budget_exceeded"),
        (QuorumError, 502, "no_answer"),
        (FormatError, 502, "invalid_output"),
        (RunError, 502, "no_answer"),
    ],
)
def test_a_run_without_an_answer_is_told_by_why(kind: type[RunError], status: int, code: str) -> None:
    """With its id, in the body and in a header."""
    told = of_run(kind)
    assert (told.status, told.code, told.run_id) == (status, code, "r1")
    assert told.headers["x-attention-moa-run-id"] == "r1"
    assert msgspec.json.decode(told.json)["error"]["run_id"] == "r1"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RunNotFoundError("r1"), 404, "run_not_found"),
        (RunBusyError("r1", "another"), 409, "run_busy"),
        (StoreError("the disk is full"), 503, "journal_unavailable"),
        (ConfigError("a key is missing", key="api_key_env"), 500, "misconfigured"),
        (MoaError("odd"), 500, "internal_error"),
    ],
)
def test_every_error_of_ours_has_its_status(error: MoaError, status: int, code: str) -> None:
    """And its text."""
    told = api_error(error, is_operator=True)
    assert (told.status, told.code, told.message) == (status, code, str(error))


@pytest.mark.parametrize(
    "error",
    [
        StoreError("/var/SECRET.db cannot be read"),
        RunBusyError("r1", "SECRET"),
        RunNotFoundError("r1"),
        ConfigError("there is no file /SECRET", key="agents[0].model"),
        QuorumError("a: cannot connect to http://SECRET (no): is the server running, is base_url right?",
                    run_id="r1", partial=partial()),
        TransportError("the connection to http://SECRET broke: no"),
    ],
)  # fmt: skip
def test_what_is_for_whoever_runs_the_server_is_told_to_nobody_else(error: MoaError) -> None:
    """Paths, addresses, and what to mend there."""
    told = api_error(error)
    assert told.status == api_error(error, is_operator=True).status
    for word in ("SECRET", "base_url", "attention-moa"):
        assert word not in told.message


def test_a_client_is_told_which_agent_failed_and_how() -> None:
    """In words, without what its endpoint said."""
    error = QuorumError("no more", run_id="r1", partial=partial("TransportError", "RefusedError", "Skipped"))
    message = "no agent gave an answer: a0: the model cannot be reached; a1: it says so"
    assert api_error(error).message == message


def test_agents_that_were_all_refused_make_it_the_requests_fault() -> None:
    """Too long for all of them is told apart."""
    refused = of_run(QuorumError, "RefusedError", "ContextTooLongError")
    assert (refused.status, refused.code) == (422, "refused")
    assert of_run(QuorumError, "ContextTooLongError").code == "context_length_exceeded"
    assert of_run(QuorumError, "RefusedError", "ServerError").status == 502
    assert "a0: RefusedError: it says so" in refused.message


def test_an_endpoint_that_refuses_our_key_is_not_the_clients_fault() -> None:
    """A client's own key is another."""
    assert of_run(QuorumError, "AuthError").status == 502


def test_a_part_of_the_request_that_turns_out_wrong_in_the_run_is_the_requests_fault() -> None:
    """An image that cannot be had, for one."""
    told = api_error(ConfigError("it cannot be had", key="messages[0].content[1]"))
    assert (told.status, told.param) == (400, "messages[0].content[1]")


def test_an_error_that_is_none_of_ours_is_told_without_its_text() -> None:
    """It may hold anything; the log has it."""
    told = api_error(ValueError("/etc/secret"))
    assert (told.status, told.code) == (500, "internal_error")
    assert "secret" not in told.json.decode()


def test_what_was_told_already_stays_as_it_is() -> None:
    """An error of the API is one."""
    told = ApiError(418, "no", type="odd")
    assert api_error(told) is told


def test_waits_are_whole_seconds_from_one_up() -> None:
    """As HTTP has them."""
    assert ApiError(429, "no", type="t", retry_after_s=0.2).headers["retry-after"] == "1"
    assert ApiError(429, "no", type="t", retry_after_s=2.1).headers["retry-after"] == "3"


def test_clients_that_would_try_in_vain_are_told_not_to() -> None:
    """Money that is spent is not there a second later."""
    assert of_run(BudgetError).headers["x-should-retry"] == "false"
    assert "x-should-retry" not in of_run(DeadlineError).headers


def test_a_missing_key_is_asked_for() -> None:
    """As HTTP has it."""
    assert ApiError(401, "no", type="t").headers["www-authenticate"] == "Bearer"
