"""`whence models`: the commands that bring models here, choose among them and take them away.

Parses arguments, calls, prints. Connects to what `--from` or an address names, and to nothing else.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from whence_server.models.pulling import Terms
    from whence_server.models.registry import Registry
    from whence_server.models.roles import Roles

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
_repo = click.option("--repo", metavar="PATH", help="For this repository alone (default: for all without their own).")
_source = click.option("--from", "source", envvar="WHENCE_REGISTRY", metavar="REGISTRY",
                       help="A folder, https://, s3:// or hf://OWNER/NAME (default: WHENCE_REGISTRY).")  # fmt: skip
_key = click.option("--key", envvar="WHENCE_MODEL_KEY", metavar="FILE",
                    type=click.Path(path_type=Path, exists=True, dir_okay=False, readable=True),
                    help="Only what this Ed25519 public key (PEM) has signed (default: WHENCE_MODEL_KEY).")  # fmt: skip
_anyway = click.option("--anyway", is_flag=True, help="Also where it takes more memory than there is.")


@click.group()
def models() -> None:
    """Bring models here, choose which one answers, and take them away."""


@models.command("list")
@_as_json
@_repo
@_source
@click.pass_context
def list_models(context: click.Context, as_json: bool, repo: str | None, source: str | None) -> None:
    """Show the models that are here. With --from those that a registry offers."""
    from whence_server import protocol, terminal

    # Only what is typed asks a registry: the environment names one for pulling.
    if source and context.get_parameter_source("source") == click.core.ParameterSource.COMMANDLINE:
        report = protocol.offers_json(_registry(source).offers())
    else:
        from whence_server.models.installed import user_home

        home = user_home()
        report = protocol.models_json(home, _scope(repo)) | {"repositories": sorted(filter(None, home.state().roles))}
    _print(report) if as_json else terminal.show_models(report)


@models.command()
@click.argument("model", metavar="NAME[@VERSION]|PRESET|hf://OWNER/NAME/FILE.gguf")
@_as_json
@_source
@_key
@_anyway
def pull(model: str, as_json: bool, source: str | None, key: Path | None, anyway: bool) -> None:
    """Fetch a model, or mend it. Without a registry it is a preset, or a file, of Hugging Face."""
    from whence_server.models.installed import user_home
    from whence_server.models.pulling import fetch

    with _terms(key, anyway) as terms:
        manifest = fetch(user_home(), model, source, terms)
    _say_model(manifest.label, "is here", as_json)


@models.command()
@click.argument("model", metavar="NAME[@VERSION]|none|auto")
@_as_json
@_repo
@click.option("--share", type=click.IntRange(1, 100), metavar="PERCENT",
              help="As a challenger, for this share of the questions; first 5, then 25, then 100.")  # fmt: skip
def use(model: str, as_json: bool, repo: str | None, share: int | None) -> None:
    """Let a model answer from now on. With none only quotations do, with auto what all use."""
    from whence_server.models import choosing
    from whence_server.models.installed import user_home

    _say_roles(choosing.choose(user_home(), model, _scope(repo), share), as_json)


@models.command()
@_as_json
@_repo
def rollback(as_json: bool, repo: str | None) -> None:
    """Undo the last step. The challenger goes, else the champion or none, for the one before or quotations."""
    from whence_server.models import choosing
    from whence_server.models.installed import user_home

    roles, gone = choosing.roll_back(user_home(), _scope(repo))
    _say_roles(roles, as_json, gone)


@models.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
@_anyway
def import_model(file: Path, as_json: bool, anyway: bool) -> None:
    """Take in a model as GGUF, or an adapter as ZIP. The base of an adapter must be here."""
    from whence_server.models.bundle import import_bundle
    from whence_server.models.installed import user_home
    from whence_server.models.pulling import import_gguf

    with _terms(None, anyway) as terms:
        is_bundle = file.suffix.lower() == ".zip"
        manifest = import_bundle(user_home(), file) if is_bundle else import_gguf(user_home(), file, terms)
    _say_model(manifest.label, "is here", as_json)


@models.command("export")
@click.argument("model", metavar="NAME[@VERSION]")
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
def export_model(model: str, file: Path, as_json: bool) -> None:
    """Write the adapter of a model into a ZIP. `whence models import` takes it in elsewhere."""
    from whence_server.models.bundle import write_bundle
    from whence_server.models.installed import find, user_home
    from whence_server.models.naming import reference

    home = user_home()
    label = find(home.state(), reference(model))
    names = write_bundle(home, label, file)
    _print({"model": label, "file": str(file), "contents": names}) if as_json else click.echo(f"{label} is in {file}")


@models.command()
@click.argument("model", metavar="NAME[@VERSION]")
@_as_json
def remove(model: str, as_json: bool) -> None:
    """Delete a model. Without a version all of them, and the blobs that no other needs."""
    from whence_server.models import upkeep
    from whence_server.models.installed import user_home
    from whence_server.models.naming import reference

    removed, freed = upkeep.remove(user_home(), reference(model))
    if as_json:
        _print({"removed": removed, "freed_bytes": freed})
    else:
        click.echo(f"removed {', '.join(removed)}: {freed / 1e6:,.1f} MB are free again")


@models.command()
@click.argument("model", required=False, metavar="[NAME[@VERSION]]")
@_as_json
@_key
@click.pass_context
def verify(context: click.Context, model: str | None, as_json: bool, key: Path | None) -> None:
    """Read every byte of the models that are here. Digests, GGUF files, signatures; exits 1 where one is damaged."""
    from whence_server import terminal
    from whence_server.models import upkeep
    from whence_server.models.installed import find, user_home
    from whence_server.models.naming import reference

    home = user_home()
    labels = [find(home.state(), reference(model))] if model else list(home.state().models)
    if not labels and not as_json:
        click.echo("no models")
        return
    trusted = key.read_bytes() if key else None
    with terminal.progress_bar() as progress:
        problems = upkeep.verify(home, labels, trusted, progress)
    if as_json:
        _print({"models": [{"model": label, "ok": not found, "problems": found} for label, found in problems.items()]})
    for label, found in problems.items():
        if not as_json:
            click.echo(f"{label}: {'; '.join(found) or 'whole'}")
    if any(problems.values()):
        context.exit(1)


def _registry(source: str) -> Registry:
    from whence_server.models.places import open_place
    from whence_server.models.registry import Registry

    return Registry(open_place(source))


def _scope(repo: str | None) -> str:
    from whence_indexer.repository import open_repository
    from whence_server.models.choosing import scope_of

    return scope_of(open_repository(repo) if repo is not None else None)


@contextmanager
def _terms(key: Path | None, anyway: bool) -> Iterator[Terms]:
    from whence_server import terminal
    from whence_server.models.pulling import Terms

    trusted = key.read_bytes() if key else None
    with terminal.transfer_bar() as progress:
        yield Terms(trusted, anyway, progress, lambda message: click.echo(f"whence: {message}", err=True))


def _say_model(label: str, what: str, as_json: bool) -> None:
    from whence_server import protocol
    from whence_server.models.installed import user_home
    from whence_server.models.upkeep import installed

    found = next(model for model in installed(user_home()) if model.manifest.label == label)
    if as_json:
        _print(protocol.model_json(found))
    else:
        click.echo(f"{label} {what}; `whence models use {label}` lets it answer")


def _say_roles(roles: Roles, as_json: bool, gone: str | None = None) -> None:
    from whence_server import protocol

    if as_json:
        _print(protocol.roles_json(roles) | ({"gone": gone} if gone else {}))
        return
    if gone:
        click.echo(f"{gone} is taken back")
    told = f"{roles.champion} answers" if roles.champion else "quotations answer"
    others = f", {told} the others" if roles.share < 100 else "; `whence models rollback` takes it back"
    click.echo(f"{roles.challenger} answers {roles.share} % of the questions{others}" if roles.challenger else told)


def _print(report: dict[str, Any]) -> None:
    click.echo(json.dumps(report, ensure_ascii=False))
