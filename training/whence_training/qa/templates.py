"""The questions that rules ask, in many wordings; which of them is asked of a thing hangs on the thing alone.

Data and one function. `{name}` is a definition in backquotes, `{base}`, `{third}` and `{past}` a verb with its words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

WHAT_CALLABLE = (
    "What does {name} do?",
    "What is {name} for?",
    "What is the purpose of {name}?",
    "What happens when {name} is called?",
    "What is {name} used for?",
    "What does calling {name} do?",
    "What is the job of {name}?",
    "What does {name} accomplish?",
    "What would I use {name} for?",
    "What is the role of {name}?",
    "What does the code in {name} do?",
)
WHAT_TYPE = (
    "What is {name}?",
    "What is {name} for?",
    "What is the purpose of {name}?",
    "What does {name} stand for in the code?",
    "What is {name} used for?",
    "What would I use {name} for?",
    "What is the job of {name}?",
    "What is the role of {name}?",
    "What kind of thing is {name}?",
    "What do I need {name} for?",
    "What does {name} represent?",
)
WHERE = (
    "Which {noun} {third}?",
    "Where is the {noun} that {third}?",
    "Where is the code that {third}?",
    "Which part of the code {third}?",
    "Where in the code is the {noun} that {third}?",
    "What is the name of the {noun} that {third}?",
    "Is there a {noun} that {third}?",
    "Where do I find the {noun} that {third}?",
)
WHERE_BASE = (
    "Which {noun} do I call to {base}?",
    "What can I use to {base}?",
    "I need to {base}. Which {noun} does that?",
    "What do I call to {base}?",
)
SIGNATURE = (
    "What parameters does {name} take?",
    "What is the signature of {name}?",
    "How is {name} called?",
    "Which arguments does {name} accept?",
    "How do I call {name}?",
    "What do I have to pass to {name}?",
    "How is {name} declared?",
    "What can be passed to {name}?",
    "Which parameters does {name} have?",
    "What does the signature of {name} look like?",
    "What arguments can I give to {name}?",
)
PARAMETER = (
    "What is the parameter `{of}` of {name} for?",
    "What does the parameter `{of}` of {name} do?",
    "What is `{of}` in a call of {name}?",
    "What do I pass as `{of}` to {name}?",
    "What does `{of}` mean when calling {name}?",
    "What is the argument `{of}` of {name}?",
    "What effect does `{of}` have in {name}?",
    "What should `{of}` be when I call {name}?",
    "What is passed to {name} as `{of}`?",
    "What is the meaning of the parameter `{of}` of {name}?",
    "What is `{of}` used for in {name}?",
)
RETURNS = (
    "What does {name} return?",
    "What is the return value of {name}?",
    "What do I get back from {name}?",
    "What comes back from a call of {name}?",
    "What is returned by {name}?",
    "What result does {name} give?",
)
RAISES = (
    "When does {name} raise `{of}`?",
    "Why would {name} raise `{of}`?",
    "In which case does {name} raise `{of}`?",
    "What makes {name} raise `{of}`?",
    "Under what condition is `{of}` raised by {name}?",
)
DEFAULT = (
    "What is the default of `{of}` in {name}?",
    "What value does `{of}` have in {name} when it is not given?",
    "Which default does {name} use for `{of}`?",
    "What is `{of}` by default in {name}?",
    "What happens to be the default value of `{of}` in {name}?",
)
SINCE = (
    "Since which version is there {name}?",
    "In which version was {name} added?",
    "When was {name} introduced?",
    "Which version added {name}?",
    "What version do I need for {name}?",
)
CHANGED = (
    "What changed in {name} in version {of}?",
    "How did version {of} change {name}?",
    "What is different about {name} since version {of}?",
    "What did version {of} change about {name}?",
    "How does {name} differ since version {of}?",
)
DEPRECATED = (
    "What do the docs say about the deprecation of {name}?",
    "{name} is deprecated. What does that mean for me?",
    "What is said about {name} being deprecated?",
    "Is {name} deprecated?",
)
WHY_LINE = (
    "Why does {name} have `{of}`?",
    "In {name}, why is there `{of}`?",
    "What is the reason for `{of}` in {name}?",
    "Why is `{of}` in {name}?",
    "Why does the code of {name} say `{of}`?",
    "What is `{of}` in {name} there for, and why?",
    "Why did somebody write `{of}` in {name}?",
    "Why do we need `{of}` in {name}?",
    "Can you tell me why {name} contains `{of}`?",
    "I see `{of}` in {name}. Why?",
    "For what reason does {name} do `{of}`?",
)
EXPLAIN = (
    "Explain {name}.",
    "Explain what {name} does.",
    "Can you explain {name} to me?",
    "Explain how {name} behaves.",
    "Describe {name} in a few sentences.",
    "I am new to this code. Explain {name}.",
    "Explain the purpose and the behaviour of {name}.",
    "Tell me what I should know about {name}.",
    "Explain {name} to somebody who has not seen it.",
    "Give me a short explanation of {name}.",
    "Please explain {name}.",
)
COMPARE = (
    "What is the difference between {name} and {of}?",
    "How does {name} differ from {of}?",
    "How do {name} and {of} compare?",
    "{name} or {of}: which does what?",
    "Compare {name} with {of}.",
    "When would I use {name}, and when {of}?",
    "What sets {name} apart from {of}?",
)
WHY_CHANGE = (
    "Why did we {base}?",
    "Why did we have to {base}?",
    "What was the reason to {base}?",
    "Why did the project {base}?",
    "What was the motivation to {base}?",
    "For what reason did the maintainers {base}?",
    "Why did somebody {base}?",
    "Why was there a need to {base}?",
    "What was wrong, so that we had to {base}?",
    "Why did they decide to {base}?",
    "Do you know why we {past}?",
)
WHY_TITLE = (
    'Why was the change "{of}" made?',
    'What is the reason for the commit "{of}"?',
    'Why was "{of}" committed?',
    'What is behind the commit "{of}"?',
    'What explains the change "{of}"?',
)
WHY_PLACE = (
    "Why was {name} changed in commit {of}?",
    "What was the reason to change {name} in commit {of}?",
    "Commit {of} touched {name}. Why?",
    "Why did commit {of} change {name}?",
    "What made commit {of} change {name}?",
)
WHO = (
    "Who {past}?",
    "Who was the one that {past}?",
    "Which author {past}?",
    "Whose commit {past}?",
    "Who wrote the commit that {past}?",
    "Whom can I ask about the decision to {base}?",
    "Who is the author of the change to {base}?",
    "Who made the change to {base}?",
    "Do you know who {past}?",
    "Who decided to {base}?",
    "Who should I talk to about the change to {base}?",
)
WHEN = (
    "When did we {base}?",
    "When did somebody {base}?",
    "When did the project {base}?",
    "On which day did we {base}?",
    "When was the commit made to {base}?",
    "When was the decision made to {base}?",
    "How long ago did we {base}? Give me the date.",
    "What is the date of the change to {base}?",
    "When did the change to {base} happen?",
    "Do you know when we {past}?",
    "In which commit, and when, did we {base}?",
)
WHERE_CHANGE = (
    "Which files did we change to {base}?",
    "Where was the code changed to {base}?",
    "Which files were touched to {base}?",
    "Where did we {base}?",
    "What files does the change to {base} touch?",
)
WHAT_CHANGE = (
    "What changed in {name} with commit {of}?",
    "What did commit {of} do in {name}?",
    "What does commit {of} change in {name}?",
    "Commit {of} touched {name}. What was done there?",
    "What was done to {name} in commit {of}?",
)
HOW_DOC = (
    "How do I {base}?",
    "How can I {base}?",
    "What is the way to {base}?",
    "How would I {base}?",
    "What do the docs say about how to {base}?",
    "How should one {base} here?",
)
ABOUT = (
    "What do the docs say about {of}?",
    "What should I know about {of}?",
    "What does the documentation tell about {of}?",
    "What can I read about {of} in the docs?",
    "What is documented about {of}?",
)
DEFINED = (
    "What is {of}?",
    "What is meant by {of}?",
    "What do the docs mean by {of}?",
    "How is {of} described in the docs?",
)
RELEASED = (
    "When was version {of} released?",
    "When did {of} come out?",
    "What is the release date of version {of}?",
    "On which day was {of} released?",
)
CHANGELOG = (
    "What changed about {name} in version {of}?",
    "What does the changelog of version {of} say about {name}?",
    "What did version {of} change for {name}?",
    "In version {of}, what happened to {name}?",
    "How is {name} affected by version {of}?",
)
PULL_WHAT = (
    "What does {name} do?",
    "What is {name} about?",
    "What did {name} change?",
    "What is the point of {name}?",
    "What came in with {name}?",
)
PULL_WHY = (
    "Why was {name} made?",
    "What is the reason for {name}?",
    "Why did we merge {name}?",
    "What problem does {name} solve?",
    "What is the motivation of {name}?",
)
ISSUE_WHAT = (
    "What is {name} about?",
    "What does {name} report?",
    "What was asked for in {name}?",
    "What is the topic of {name}?",
)
ISSUE_PROBLEM = (
    "What problem does {name} describe?",
    "What goes wrong according to {name}?",
    "What is the trouble in {name}?",
    "Why was {name} opened?",
)
RESOLVED = (
    "How was {name} resolved?",
    "What came of {name}?",
    "What was the outcome of {name}?",
    "How did we deal with {name}?",
    "What did we do about {name}?",
)
SAID = (
    "What did {of} say about `{path}` in the review of {name}?",
    "What did the review of {name} by {of} point out in `{path}`?",
    "What was {of}'s remark on `{path}` in {name}?",
)


def chosen(templates: Sequence[str], key: str, **words: str) -> str:
    """The wording for `key`, filled in; any is as likely, and the same key always has the same."""
    number = int.from_bytes(hashlib.sha256(f"{templates[0]}\0{key}".encode()).digest()[:4], "big")
    return templates[number % len(templates)].format(**words)
