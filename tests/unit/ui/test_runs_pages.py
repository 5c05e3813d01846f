"""The pages of runs that stand still: the list, files, deletion, time and money, two side by side."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import pytest
from msgspec.structs import replace

from attention_moa.ui.figures import clock
from tests.page_shelf import RunShelf, a_plan, a_priced_run, a_row, look
from tests.worlds import World, a_spec

HOSTILE = '<script>window.ran = 1</script>"onmouseover="x'


class Reader(HTMLParser):
    """Notes the names of tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names += [tag, *(name for name, _ in attrs)]


def tags_and_attributes(page: str) -> list[str]:
    """Return the names of all tags and attributes of a page."""
    reader = Reader()
    reader.feed(page)
    return reader.names


def listed(shelf: RunShelf, query: str = "") -> list[str]:
    """Return the ids of the runs that are listed."""
    return re.findall(r'name="run" value="([^"]+)"', look(shelf, f"/runs{query}").text)


def test_runs_are_listed_page_by_page() -> None:
    """The newest first; where there are older ones a link leads on, and another one back."""
    shelf = RunShelf(rows=[a_row(f"r-{number:02}") for number in range(50)])
    first = look(shelf, "/runs").text
    assert listed(shelf) == [f"r-{number:02}" for number in range(40)]
    assert '<a rel="next" href="/runs?before=r-39">Older</a>' in first
    second = look(shelf, "/runs?before=r-39").text
    assert listed(shelf, "?before=r-39") == [f"r-{number:02}" for number in range(40, 50)]
    assert 'href="/runs">Newest</a>' in second
    assert "Older" not in second


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("words=SKY+blue", ["a"]),
        ("words=optics", ["a"]),
        ("label=team", ["a", "c"]),
        ("label=team%3Dops", ["c"]),
        ("since=2026-02-01", ["a"]),
        ("until=2026-01-01", ["b", "c"]),
        ("state=cancelled", ["b"]),
        ("ensemble=trio", ["c"]),
        ("words=nothing+at+all", []),
    ],
)
def test_runs_are_searched_and_filtered(query: str, found: list[str]) -> None:
    """By words, label, days, state and ensemble."""
    shelf = RunShelf(
        rows=[
            a_row("a", question="Why is the sky blue?", labels={"team": "optics"}, created_at="2026-02-03T00:00:00Z"),
            a_row("b", state="cancelled"),
            a_row("c", ensemble="trio", labels={"team": "ops"}),
        ]
    )
    assert listed(shelf, f"?{query}") == found


def test_a_search_looks_back_so_far_and_can_go_on() -> None:
    """What it has not looked at it says, with a way to go on."""
    shelf = RunShelf(rows=[a_row(f"r-{number}") for number in range(5_100)])
    page = look(shelf, "/runs?words=never").text
    assert "No run fits among the newest that were looked at." in page
    assert 'href="/runs?words=never&amp;before=r-4999">Look further back</a>' in page
    assert len(shelf.asked) == 25


@pytest.mark.parametrize(
    "query", ["state=odd", "since=yesterday", "until=2026", "since=2026-13-45", "until=2026-02-30"]
)
def test_a_filter_that_is_none_is_refused(query: str) -> None:
    """In words."""
    answer = look(RunShelf(), f"/runs?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_where_there_are_no_runs_the_page_says_what_to_do() -> None:
    """Ask something."""
    assert 'There are no runs yet. <a href="/">Ask something</a>' in look(RunShelf(), "/runs").text


def test_what_users_wrote_does_nothing_in_the_list() -> None:
    """Questions, answers, labels, owners, ids."""
    row = a_row(HOSTILE, question=HOSTILE, text=HOSTILE, labels={HOSTILE: HOSTILE}, owner=HOSTILE, ensemble=HOSTILE)
    for path in ("/runs", "/runs?words=%3Cscript%3E&label=%22%3E%3Cscript%3E"):
        names = tags_and_attributes(look(RunShelf(rows=[row]), path).text)
        assert "onmouseover" not in names
        assert names.count("script") == 3


def test_a_run_that_broke_off_may_be_resumed() -> None:
    """By a button that sends it to the run's own address; it then goes on, and its page is shown."""
    shelf = RunShelf([a_priced_run()], rows=[a_row("r", state="interrupted")])
    page = look(shelf, "/runs").text
    assert "interrupted" in page
    assert 'formmethod="post" formaction="/runs/r/resume"' in page
    answer = look(shelf, "/runs/run/resume", method="POST")
    assert (answer.status_code, answer.headers["location"], shelf.deeds) == (303, "/runs/run", [("resume", "run")])


@pytest.mark.parametrize(("form", "kind"), [("json", "application/json"), ("jsonl", "application/jsonl")])
def test_a_run_is_a_file(form: str, kind: str) -> None:
    """To be kept, never to be shown by the browser; each form has its ending."""
    answer = look(RunShelf([a_priced_run()]), f"/runs/run/export?as={form}")
    assert answer.headers["content-type"] == kind
    assert answer.headers["content-disposition"] == f'attachment; filename="run.{form}"'
    assert json.loads(answer.text.splitlines()[0] if form == "jsonl" else answer.text)


def test_a_runs_file_may_be_markdown_and_has_a_safe_name() -> None:
    """Whatever the id holds; a form that is none is refused."""
    shelf = RunShelf([a_priced_run(name='a"; x\r\n')])
    answer = look(shelf, "/runs/a%22%3B%20x%0D%0A/export?as=markdown")
    assert answer.headers["content-disposition"] == 'attachment; filename="a-x-.md"'
    assert answer.text.startswith("# Run")
    assert look(RunShelf([a_priced_run()]), "/runs/run/export?as=exe").status_code == 400


def test_a_run_is_deleted_after_a_question() -> None:
    """A look changes nothing; one under way is refused."""
    shelf = RunShelf([a_priced_run()])
    assert "Delete this run?" in look(shelf, "/runs/run/delete").text
    assert shelf.deeds == []
    assert look(shelf, "/runs/run/delete", method="POST").headers["location"] == "/runs"
    assert shelf.deeds == [("delete", "run")]
    elsewhere = look(RunShelf([a_priced_run(state="running")]), "/runs/run/delete").text
    assert "under way in another server" in elsewhere
    assert "Delete for good" not in elsewhere
    busy = RunShelf([a_priced_run()], under_way=["run"])
    assert "cancel it" in look(busy, "/runs/run/delete").text
    assert look(busy, "/runs/run/delete", method="POST").status_code == 409


@pytest.mark.parametrize("path", ["/runs/x/money", "/runs/x/delete", "/runs/x/export", "/compare?run=x&run=y"])
def test_a_run_that_is_not_there_is_not_there(path: str) -> None:
    """Each page says so."""
    assert look(RunShelf([a_priced_run()]), path).status_code == 404


@pytest.mark.parametrize("path", ["/runs?words=a+b", "/runs/run/money", "/compare?run=run"])
def test_whoever_has_no_key_is_sent_to_the_form(path: str) -> None:
    """It leads on to the page that was asked for."""
    shelf = RunShelf([a_priced_run()])
    shelf.is_key_good = False
    answer = look(shelf, path)
    assert answer.status_code == 303
    assert answer.headers["location"].startswith("/login?next=/")
    assert look(shelf, "/runs/run/delete", method="POST").headers["location"] == "/login?next=/runs"


def test_another_way_to_ask_is_refused() -> None:
    """Resuming is no look, and the list takes nothing."""
    assert look(RunShelf(), "/runs/run/resume").status_code == 405
    answer = look(RunShelf(), "/runs", method="POST")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


def test_pages_have_the_policy_of_all_pages() -> None:
    """No script but the server's own, nothing from elsewhere."""
    policy = look(RunShelf(), "/runs").headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self' 'nonce-")
    assert "unsafe" not in policy


def test_time_and_money_are_told_in_words_and_numbers() -> None:
    """What was waited for, what it cost by agent and stage, beside the plan."""
    shelf = RunShelf([a_priced_run()])
    shelf.plan = a_plan(shelf.records["run"])
    page = look(shelf, "/runs/run/money").text
    assert "The run waited longest for b: " in page
    assert "least useful" in page
    assert "on the critical path" in page
    assert "It has no limits." in page
    assert "Planned (a guess)" in page
    assert "Planned tokens and money are a guess: what some models write is known only once" in page
    assert page.count('class="share"') == 6
    assert "unknown" not in page.split('id="h-agent"')[1].split('id="h-useful"')[0]
    assert re.search(r'<rect class="p-reading" x="0.000%" y="1" width="[0-9.]+%"', page)
    assert " style=" not in page


def test_who_looks_at_time_and_money_of_a_run_under_way_is_sent_to_where_it_goes_on() -> None:
    """What was interrupted stands still: with how far it came, and no plan."""
    running = a_priced_run(state="running")
    sent = look(RunShelf([running], under_way=["run"]), "/runs/run/money")
    assert (sent.status_code, sent.headers["location"]) == (303, "/runs/run/money/live")
    page = look(RunShelf([a_priced_run(state="interrupted")]), "/runs/run/money").text
    assert "interrupted" in page
    assert "It is under way" not in page
    assert "It was run without a plan." in page


def test_two_runs_stand_side_by_side() -> None:
    """Texts over each other, matrices with what is more and less in B, costs, the calls that differ."""
    said = {"answer": "The sky is blue.", "critique.a": "Mention Rayleigh scattering.", "critique.b": "Good."}
    a = a_priced_run({**said, "refine": "The sky is blue. Rayleigh scattering."}, name="x")
    b = a_priced_run({**said, "refine": "The sky is blue.", "summary": f"Blue. {HOSTILE}"}, name="y")
    shelf = RunShelf([a, b])
    page = look(shelf, "/compare?run=x&run=y").text
    assert "Both were asked the same." in page
    assert "None: both ran the same ensemble." in page
    assert page.count('class="less-') > 0
    assert tags_and_attributes(page).count("script") == 3
    opened = look(shelf, "/compare?run=x&run=y&call=1.refine.a").text
    assert "only in A" in opened.split('id="opened"')[1]


def test_what_only_one_of_two_runs_has_is_shown_as_missing() -> None:
    """An agent, a setting, a call."""
    a, b = a_priced_run(name="x"), a_priced_run(name="y", state="interrupted")
    shelf = RunShelf([a, b])
    page = look(shelf, "/compare?run=x&run=y&call=nothing").text
    assert "interrupted" in page
    assert 'id="opened"' not in page


def test_two_runs_of_unequal_ensembles_show_what_differs() -> None:
    """Settings, an agent more, its calls, and matrices with what only one has."""
    a = World(a_spec(2, layers=1), {"answer": "The sky.", "critique": "Say blue.", "refine": "The sky is blue."}).run()
    b = World(a_spec(3, layers=2), {"answer": "The sky.", "critique": "Say blue.", "refine": "The sky is blue."}).run()
    shelf = RunShelf([replace(a, run_id="x"), replace(b, run_id="y")])
    page = look(shelf, "/compare?run=x&run=y").text
    assert "They were asked different things." not in page
    assert '<th scope="row"><bdi class="t-name">layers</bdi></th>' in page
    assert "only in B" in page
    assert page.count('class="moved"') == 2
    unpriced = look(shelf, "/runs/x/money").text
    assert "tokens (" in unpriced


def test_another_run_is_chosen_to_compare_with() -> None:
    """One is named, or none; more than two are refused."""
    shelf = RunShelf([a_priced_run(name="x"), a_priced_run(name="y")])
    page = look(shelf, "/compare?run=x").text
    assert 'href="/compare?run=x&amp;run=y"' in page
    assert "Tick two runs" in look(shelf, "/compare").text
    assert "There is no other run." in look(RunShelf([a_priced_run(name="x")]), "/compare?run=x").text
    assert look(shelf, "/compare?run=x&run=y&run=z").status_code == 400


def test_what_the_account_notes_stands_with_the_money_too() -> None:
    """As text, whatever is in it."""
    record = a_priced_run(notes=(f"a: the endpoint told 842,000 prompt tokens, which cannot be {HOSTILE}",))
    page = look(RunShelf([record]), "/runs/run/money").text
    assert "the endpoint told 842,000 prompt tokens, which cannot be &lt;script&gt;" in page
    assert "What was noted" not in look(RunShelf([a_priced_run()]), "/runs/run/money").text


def test_a_run_that_did_not_finish_is_not_held_against_its_plan() -> None:
    """What it took until then is no saving."""
    whole = RunShelf([a_priced_run()])
    whole.plan = a_plan(whole.records["run"])
    assert '<th scope="col" class="n">Off</th>' in look(whole, "/runs/run/money").text
    part = RunShelf([a_priced_run(state="cancelled", wall_s=48.6)])
    part.plan = whole.plan
    page = look(part, "/runs/run/money").text
    assert "It has not finished: the plan of all its layers" in page
    assert '<th scope="col" class="n">Off</th>' not in page
    assert "<span>49 s</span>" in page
    assert clock(48.6).split() == ["49", "s"]
