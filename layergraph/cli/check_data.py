"""The command that finds faulty files of a data set."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated, Literal

import typer

from layergraph.cli.class_options import (
    ClassesOption,
    IgnoredIdsOption,
    LabelIdsOption,
    PairOption,
    classes_and_ids,
    ignored_values,
)
from layergraph.cli.output_files import OutputOption, format_for, save_text, write_text
from layergraph.json_text import json_text

_EXTENSIONS = {"table": (".txt",), "json": (".json", ".txt"), "csv": (".csv", ".txt")}


def check_data(
    *,
    images: Annotated[Path, typer.Option(metavar="FOLDER", help="The images.")],
    labels: Annotated[Path, typer.Option(metavar="FOLDER", help="The label images, one per image.")],
    classes: ClassesOption,
    label_ids: LabelIdsOption = None,
    ignored_ids: IgnoredIdsOption = None,
    pair: PairOption = "name",
    format_: Annotated[
        Literal["table", "json", "csv"] | None, typer.Option("--format", help="The form of the list.")
    ] = None,
    output: OutputOption = None,
    skip_list: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the paths of the files with errors, one per line."),
    ] = None,
) -> None:
    """Find damaged, mismatched, empty and odd files before training.

    Nothing is changed. Exit status 1 if a file has an error.

    Example: layergraph check-data --images images --labels labels --classes sky,road
    """
    from layergraph.data import ImageDatastore, PixelLabelDatastore
    from layergraph.data import check_data as check

    chosen = format_for(output, format_, _EXTENSIONS, "table")
    names, ids = classes_and_ids(classes, label_ids)
    store = PixelLabelDatastore(labels, names, ids, ignored_ids=ignored_values(ignored_ids))
    result = check(ImageDatastore(images), store, pair=pair)
    rows = result.table.to_records()
    if chosen == "json":
        text = json_text({"issues": rows, "num_errors": len(result.errors)}, indent=2)
    elif chosen == "csv":
        lines = io.StringIO()
        writer = csv.DictWriter(lines, result.table.columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        text = lines.getvalue()
    else:
        text = str(result)
    write_text(text, output, format_=chosen)
    if skip_list is not None:
        save_text("".join(f"{path}\n" for path in dict.fromkeys(e.file for e in result.errors)), skip_list)
    if result.errors:
        raise typer.Exit(1)
