"""Everything that the journal asks of its tables. One statement is one object, so it is compiled once."""

from __future__ import annotations

from sqlalchemy import Delete, Executable, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from attention_moa.store.tables import CALLS, DECISIONS, EVENTS, RUNS
from attention_moa.store.views import UNFINISHED

GIVEN_UP = "given up"
"""State of a lost call that is to be sent once more."""

INSERT_RUN: Executable = RUNS.insert()

UPDATE_RUN = update(RUNS).where(RUNS.c.run_id == bindparam("of_run"))
"""With the columns that the row names."""

GIVE_UP = update(CALLS).where(CALLS.c.run_id == bindparam("of_run"), CALLS.c.state == "lost").values(state=GIVEN_UP)

HEAD = select(
    RUNS.c.run_id,
    RUNS.c.created_at,
    RUNS.c.state,
    RUNS.c.request_key,
    RUNS.c.sample,
    RUNS.c.is_redacted,
    RUNS.c.holder,
    RUNS.c.spec,
    RUNS.c.conversation,
    RUNS.c.record,
    RUNS.c.owner,
    RUNS.c.labels,
    RUNS.c.wanted,
    RUNS.c.salt,
).where(RUNS.c.run_id == bindparam("of_run"))

CALLS_OF_RUN = select(
    CALLS.c.fingerprint, CALLS.c.call_id, CALLS.c.state, CALLS.c.is_redacted, CALLS.c.ended_s, CALLS.c.record
).where(CALLS.c.run_id == bindparam("of_run"))

FACTS = (
    select(CALLS.c.run_id, CALLS.c.facts)
    .where(CALLS.c.model == bindparam("of_model"))
    .order_by(CALLS.c.created.desc())
    .limit(bindparam("most"))
)
"""The newest finished calls of a model, in numbers; other calls have no model in their row."""

DECISIONS_OF_RUN = select(DECISIONS.c.key, DECISIONS.c.value).where(DECISIONS.c.run_id == bindparam("of_run"))

REUSABLE = (
    select(CALLS.c.run_id, CALLS.c.record)
    .join(RUNS, RUNS.c.run_id == CALLS.c.run_id)
    .where(
        CALLS.c.fingerprint == bindparam("key"),
        RUNS.c.owner == bindparam("of_owner"),
        CALLS.c.state == "finished",
        CALLS.c.is_redacted.is_(False),
        CALLS.c.run_id != bindparam("of_run"),
    )
    .order_by(case((CALLS.c.call_id == bindparam("named"), 0), else_=1), CALLS.c.created.desc())
    .limit(1)
)
"""A finished call of another run of the same owner: of the same id first, then the newest."""

TO_TAKE_UP = (
    select(RUNS.c.run_id)
    .where(
        RUNS.c.owner == bindparam("of_owner"),
        RUNS.c.request_key == bindparam("key"),
        RUNS.c.state.in_(sorted(UNFINISHED)),
        RUNS.c.is_redacted.is_(False),
    )
    .order_by(RUNS.c.created_at.desc(), RUNS.c.run_id.desc())
)

LINES = (
    select(
        RUNS.c.run_id,
        RUNS.c.created_at,
        RUNS.c.ensemble,
        RUNS.c.question,
        RUNS.c.state,
        RUNS.c.text,
        RUNS.c.usage,
        RUNS.c.wall_s,
        RUNS.c.owner,
        RUNS.c.labels,
        select(func.count()).where(CALLS.c.run_id == RUNS.c.run_id).scalar_subquery().label("calls"),
    )
    .order_by(RUNS.c.created_at.desc(), RUNS.c.run_id.desc())
    .limit(bindparam("most"))
)

OLDER_THAN = select(RUNS.c.run_id).where(RUNS.c.created_at < bindparam("before"))

RUNS_OF_OWNER = select(RUNS.c.run_id).where(RUNS.c.owner == bindparam("of_owner"))

EVENTS_OF_RUN = (
    select(EVENTS.c.body)
    .where(EVENTS.c.run_id == bindparam("of_run"), EVENTS.c.seq > bindparam("after"))
    .order_by(EVENTS.c.seq)
)

DELETIONS: tuple[Delete, ...] = tuple(
    delete(table).where(table.c.run_id == bindparam("of_run")) for table in (CALLS, DECISIONS, EVENTS, RUNS)
)


class Upserts:
    """The statements whose form differs from database to database.

    Args:
        is_server: Whether it is PostgreSQL.
    """

    def __init__(self, *, is_server: bool) -> None:
        """Make them."""
        insert = postgresql.insert if is_server else sqlite.insert
        call = insert(CALLS)
        changed = ("state", "is_redacted", "ended_s", "created", "record", "model", "facts")
        self.call: Executable = call.on_conflict_do_update(
            index_elements=[CALLS.c.run_id, CALLS.c.fingerprint, CALLS.c.call_id],
            set_={name: call.excluded[name] for name in changed},
            where=CALLS.c.state != "finished",
        )
        self.decision: Executable = insert(DECISIONS).on_conflict_do_nothing()
        self.events: Executable = insert(EVENTS).on_conflict_do_nothing()
