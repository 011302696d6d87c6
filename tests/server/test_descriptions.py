"""What one named thing is, and where: its definition leads, however the question names it."""

from __future__ import annotations

import pytest

from whence_indexer.indexing import update
from whence_indexer.query import parse_query
from whence_indexer.workspace import Workspace
from whence_server.answering import answer
from whence_server.types import Question

ENGINE = '''"""The engine. Where an engine is defined, and what the Engine of a train is, is told in the handbook."""


class Engine:
    """Pulls the train."""

    def start(self):
        """Start the engine."""
        return Engine


def node(name):
    """One place on the line."""
    return {"name": name}
'''
TREE = """package tree

// Params holds what a route was called with.
type Params []string

func (p Params) First() string { return p[0] }
"""


@pytest.fixture(scope="module")
def railway(make_shared_repository):
    made = make_shared_repository("railway")
    made.write("railway/engine.py", ENGINE)
    made.write("railway/tree.go", TREE)
    made.write("tests/test_engine.py", "from railway.engine import Engine\n\n\nclass Engine:\n    pass\n")
    made.write("docs/api.md", "# API\n\nWhere an Engine is defined, it is the Engine. What is an Engine? An Engine.\n")
    made.commit("A railway")
    update(made.open())
    return Workspace(made.open())


@pytest.mark.parametrize(
    ("question", "path", "line", "said"),
    [
        ("Where is Engine defined?", "railway/engine.py", 4, "Pulls the train"),
        ("Where's the `Engine` class?", "railway/engine.py", 4, "Pulls the train"),
        ("What is an engine?", "railway/engine.py", 4, "Pulls the train"),
        ("What does Engine do?", "railway/engine.py", 4, "Pulls the train"),
        ("what does node do?", "railway/engine.py", 12, "One place on the line"),
        ("where is node defined", "railway/engine.py", 12, "One place on the line"),
        ("Where is engine.Engine defined?", "railway/engine.py", 4, "Pulls the train"),
        ("Where is the Params type?", "railway/tree.go", 4, "Params holds what a route was called with"),
    ],
)
def test_the_definition_of_what_is_asked_about_leads(railway, question, path, line, said):
    told = railway.ask(lambda found: answer(Question(parse_query(question)), found, railway.repository))
    first = told.citations[0]
    assert said in told.text.split("\n")[0]
    assert first.path == path
    assert first.start_line <= line <= first.end_line
    assert not told.abstained


@pytest.mark.parametrize(
    "question",
    ["What is going on here?", "Where is the train pulled?", "What is node doing?", "What is node?", "where is"],
)
def test_other_questions_are_searched_for(railway, question):
    told = railway.ask(lambda found: answer(Question(parse_query(question)), found, railway.repository))
    assert "One place on the line" not in told.text.split("\n")[0]


TICKETS = """class Tickets:
    \"\"\"The tickets of a ferry: a ticket is stamped, once, and stamped tickets are kept.\"\"\"

{fields}

    def get_stamping_press(self, boat):
{steps}
        return boat.press

    def open_ticket(self, ticket):
{opening}
        return self.tickets[ticket]
"""


def test_what_is_called_by_what_is_done_is_shown_beside_what_speaks_of_it(make_repository):
    fields = "\n".join(f"    ticket_of_class_{number} = 'ticket'" for number in range(25))
    steps = "\n".join(f"        boat.press.turn({number}, 'slowly, for the ink is wet')" for number in range(25))
    opening = "\n".join(f"        self.tickets.look({number}, ticket)" for number in range(25))
    made = make_repository("ferry")
    made.write("ferry/tickets.py", TICKETS.format(fields=fields, steps=steps, opening=opening))
    for number in range(5):
        made.write(f"ferry/ticket_{number}.py", f"def ticket_{number}(ticket):\n    return ticket, {number}\n")
    made.commit("Sell tickets")
    update(made.open())
    workspace = Workspace(made.open())
    question = Question(parse_query("Where is the ticket stamped?"))
    told = workspace.ask(lambda searcher: answer(question, searcher, workspace.repository))

    assert "`Tickets.get_stamping_press` [2]" in told.text
