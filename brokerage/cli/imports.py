"""`import`: CSV files of transactions, listings and contacts."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from brokerage.cli import importing
from brokerage.cli.console import make_table, note, out, print_json, warn
from brokerage.cli.session import Session
from brokerage.errors import BrokerageError, ConfigurationError, RowsRefusedError

if TYPE_CHECKING:
    from brokerage.cli.importing import Comparison, Counts, Loaded, Opened
    from pipelines.files.store import Import

_PREVIEW_ROWS = 5
_PREVIEW_FIELDS = 6
_SHOWN_REFUSALS = 20

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
Build = Annotated[bool, typer.Option("--build/--no-build", help="Build the warehouse afterwards.")]


def register(app: typer.Typer) -> None:
    app.command("import")(import_file)


def import_file(
    agent: Annotated[str | None, typer.Argument(help="The agent's key.")] = None,
    file: Annotated[Path | None, typer.Argument(help="The CSV file.")] = None,
    entity: Annotated[
        str | None, typer.Option(help="What the rows are: transactions, listings or contacts.")
    ] = None,
    mapping: Annotated[
        Path | None, typer.Option(help="A mapping of columns (YAML), see docs/vendors/files.md.")
    ] = None,
    currency: Annotated[
        str | None, typer.Option(help="The currency of amounts that name none, for example USD.")
    ] = None,
    decimal: Annotated[str | None, typer.Option(help="The decimal mark: . or ,")] = None,
    date_format: Annotated[
        list[str] | None, typer.Option(help="How days are written, for example %m/%d/%Y.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be loaded.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Load nothing if a row is refused.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option(help="Write the refused rows to this file (CSV).")
    ] = None,
    write_mapping: Annotated[
        Path | None, typer.Option(help="Write the mapping that was used to this file (YAML).")
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the agent's imports.")] = False,
    undo: Annotated[
        str | None, typer.Option(help="Take an import back, for example ada-sample:listings:2.")
    ] = None,
    build: Build = True,
    as_json: Json = False,
) -> None:
    """Load a CSV file for an agent; of each key the row of the latest import counts.

    Ends with 7 if some rows were refused and the others are loaded.
    """
    from brokerage.control.repository import check_agent_key
    from pipelines.files.store import StoreBroken

    try:
        if undo is not None:
            _undo(undo, build, as_json)
            return
        if agent is None:
            raise ConfigurationError(
                "Say whose file it is: `brokerage import AGENT FILE --entity transactions`."
            )
        check_agent_key(agent)
        if show_list:
            _list(agent, as_json)
            return
        if file is None or entity is None:
            raise ConfigurationError(
                f"Name the file and what it holds: `brokerage import {agent} FILE --entity "
                "transactions`."
            )
        given = importing.open_mapping(
            mapping, currency=currency, decimal=decimal, date_format=date_format or ()
        )
        opened = importing.open_file(file, importing.find_entity(entity), given)
        if report is not None:
            importing.write_report(report, opened.prepared.refusals)
        if write_mapping is not None:
            importing.write_mapping(write_mapping, opened.plan.mapping.for_other_files(given))
        how = _How(proposed=mapping is None, dry_run=dry_run, strict=strict, build=build)
        _import(agent, opened, how, as_json)
    except StoreBroken as broken:
        raise ConfigurationError(broken.sentence) from broken


@dataclass(frozen=True)
class _How:
    """The options that say how far an import goes."""

    proposed: bool
    dry_run: bool
    strict: bool
    build: bool


def _import(agent: str, opened: Opened, how: _How, as_json: bool) -> None:
    """Show what a file would do and, unless it is a dry run, do it."""
    session = Session.open()
    comparison = importing.compare(session, agent, opened)
    if not as_json:
        _show(opened, comparison, proposed=how.proposed)
        _warn_of_other_keys(session, opened, agent)
    told = _told(opened, comparison, how.dry_run)
    if not how.dry_run:
        _refuse_to_load(opened, comparison.counts, how.strict)
        told |= _load(session, opened, agent, comparison.counts, how.build, as_json)
    if as_json:
        print_json(told)
    _end(opened, comparison.counts, how.dry_run)


def _refuse_to_load(opened: Opened, counts: Counts, strict: bool) -> None:
    if strict and counts.refused:
        raise BrokerageError(
            f"{counts.refused} rows of {opened.file_name} are refused, so nothing was loaded: mend "
            "them, or leave --strict away to load the others."
        )
    if not opened.prepared.good:
        raise BrokerageError(
            f"{opened.file_name} has no row that can be loaded, so nothing was: see the reasons, "
            "or name its columns with --mapping."
        )


def _load(
    session: Session, opened: Opened, agent: str, counts: Counts, build: bool, as_json: bool
) -> dict[str, Any]:
    """Keep and sync the file, unless it is an import already and loaded."""
    importing.ready_agent(session, agent)
    known = importing.known_import(session, opened, agent)
    if known is not None and not counts.new + counts.changed:
        if not as_json:
            out.print(
                f"{opened.file_name} is import {known.id} already, and loaded: nothing changes.",
                markup=False,
            )
        return {"import": known.id, "already": True, "loaded": None}
    record = known or importing.keep(session, opened, agent)
    loaded = importing.sync(session, record, build=build)
    if not as_json:
        _show_loaded(session, record, loaded, opened, known)
    return {"import": record.id, "already": known is not None, "loaded": loaded}


def _end(opened: Opened, counts: Counts, dry_run: bool) -> None:
    if counts.refused:
        total = counts.refused + len(opened.prepared.good)
        rest = "nothing was stored" if dry_run else "the others are loaded"
        raise RowsRefusedError(
            f"{counts.refused} of {total} rows of {opened.file_name} are refused, {rest}: mend "
            "them and import the file again."
        )
    if dry_run:
        note("Nothing was stored: leave --dry-run away to load it.")


# -- showing ---------------------------------------------------------------------------------------


def _told(opened: Opened, comparison: Comparison, dry_run: bool) -> dict[str, Any]:
    return {
        "file": opened.file_name,
        "entity": opened.entity.name,
        "dry_run": dry_run,
        "mapping": opened.plan.mapping.to_dict(),
        "notes": list(opened.plan.notes),
        "counts": comparison.counts,
        "preview": [
            {
                "row": row.number,
                "change": comparison.changes[row.number],
                "key": row.key,
                "values": {name: row.data[name] for name in _fields(opened)},
            }
            for row in opened.prepared.good[:_PREVIEW_ROWS]
        ],
        "refused": opened.prepared.refusals,
        "left_out": [
            {"row": number, "reason": reason} for number, reason in opened.prepared.left_out
        ],
    }


def _show(opened: Opened, comparison: Comparison, *, proposed: bool) -> None:
    if proposed:
        out.print("[bold]Mapping found in the headings[/bold] (--write-mapping FILE saves it)")
        out.print(opened.plan.mapping.for_other_files(opened.given).to_yaml(), markup=False)
    for sentence in opened.plan.notes:
        note(escape(sentence))
    if opened.plan.denied:
        names = ", ".join(opened.table.headings[i] for i in sorted(opened.plan.denied))
        note(escape(f"Never stored: {names}"))
    if opened.plan.extras:
        note(escape(f"Kept under their heading: {', '.join(opened.plan.extras.values())}"))
    _show_preview(opened, comparison)
    counts = comparison.counts
    table = make_table(
        ["New", "Changed", "Unchanged", "Refused", "Left out"],
        title=escape(f"{opened.file_name}: {opened.entity.title.lower()}"),
        right=range(5),
    )
    shown = (counts.new, counts.changed, counts.unchanged, counts.refused, counts.left_out)
    table.add_row(*(f"{number:,}" for number in shown))
    out.print(table)
    for number, reason in opened.prepared.left_out[:_SHOWN_REFUSALS]:
        note(f"Row {number} is left out: {reason}")
    _show_refusals(opened)


def _show_preview(opened: Opened, comparison: Comparison) -> None:
    fields = _fields(opened)[:_PREVIEW_FIELDS]
    table = make_table(["Row", "Change", *fields], title="The first rows", right=(0,))
    for row in opened.prepared.good[:_PREVIEW_ROWS]:
        values = (_shown(row.data[name]) for name in fields)
        table.add_row(str(row.number), comparison.changes[row.number], *map(escape, values))
    if opened.prepared.good:
        out.print(table)


def _fields(opened: Opened) -> list[str]:
    """The fields of the file, what names a row, amounts and days first."""
    readings = [opened.plan.reading(name) for name in opened.plan.key]
    for kinds in (("money", "date"), ("text", "number")):
        readings += [r for r in opened.plan.readings if r.kind in kinds]
    return list(dict.fromkeys(reading.field for reading in readings))


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        amount = Decimal(value["amount"])
        shown = f"{amount:,.2f}" if amount == round(amount, 2) else f"{amount:,f}"
        return f"{shown} {value['currency']}"
    return "" if value is None else str(value)


def _show_refusals(opened: Opened) -> None:
    refusals = opened.prepared.refusals
    if not refusals:
        return
    table = make_table(["Row", "Column", "Value", "Reason"], title="Refused", right=(0,))
    for refusal in refusals[:_SHOWN_REFUSALS]:
        table.add_row(
            str(refusal.row), escape(refusal.column), escape(refusal.value), escape(refusal.reason)
        )
    out.print(table)
    if len(refusals) > _SHOWN_REFUSALS:
        out.print(f"and {len(refusals) - _SHOWN_REFUSALS} more: --report FILE writes them all")


def _warn_of_other_keys(session: Session, opened: Opened, agent: str) -> None:
    """Rows that are named differently do not replace each other: a deal would count twice."""
    key = list(opened.plan.key)
    for record in reversed(importing.store_of(session, agent, opened.entity.name).in_force()):
        if record.mapping["key"] != key:
            warn(
                escape(
                    f"Import {record.id} names its rows by {', '.join(record.mapping['key'])}, "
                    f"this file by {', '.join(key)}: rows of the two do not replace each other. "
                    "Give both the same `key` if they are about the same things."
                )
            )
            return


def _show_loaded(
    session: Session, record: Import, loaded: Loaded, opened: Opened, known: Import | None
) -> None:
    out.print(
        f"{record.file_name} is import {record.id}: {loaded.written:,} rows written, "
        f"{loaded.unchanged:,} unchanged.",
        markup=False,
    )
    later = importing.compare(session, record.agent, opened).counts
    if known is not None and later.new + later.changed:
        out.print(
            f"It is an earlier import, and later ones hold {later.new + later.changed:,} of its "
            "rows in another form: take those back with --undo to return to it."
        )


def _list(agent: str, as_json: bool) -> None:
    session = Session.open(database=False)
    found = importing.imports_of(session, agent)
    if as_json:
        print_json([{"import": record.id, **_summary(record)} for record in found])
        return
    if not found:
        out.print(f"{agent} has no imports: `brokerage import {agent} FILE --entity transactions`.")
        return
    table = make_table(["Import", "File", "When (UTC)", "Rows", "Refused", "State"], right=(3, 4))
    for record in found:
        table.add_row(
            record.id,
            escape(record.file_name),
            record.imported_at[:16].replace("T", " "),
            f"{record.rows:,}",
            f"{record.refused:,}",
            "in force" if record.in_force else "taken back",
        )
    out.print(table)


def _summary(record: Import) -> dict[str, Any]:
    return {
        "file": record.file_name,
        "imported_at": record.imported_at,
        "rows": record.rows,
        "refused": record.refused,
        "undone_at": record.undone_at,
        "mapping": dict(record.mapping),
    }


def _undo(name: str, build: bool, as_json: bool) -> None:
    session = Session.open()
    record = importing.find_import(session, name)
    if not record.in_force:
        raise ConfigurationError(f"Import {record.id} was taken back at {record.undone_at}.")
    loaded = importing.undo(session, record, build=build)
    if as_json:
        print_json({"import": record.id, "gone": loaded.gone, "back": loaded.written})
        return
    out.print(
        f"Import {record.id} is taken back: {loaded.gone:,} rows are gone, {loaded.written:,} are "
        "back in an earlier form.",
        markup=False,
    )
