"""What the server knows and the front end is built with, as TypeScript: the columns of a run's tables, with labels.

python -m fedsky.web.facts        writes fedsky/web/frontend/src/generated/ anew; a test says when it must
"""

import json
import subprocess
import tempfile
from pathlib import Path

from fedsky import language
from fedsky.history.columns import CLIENT_METRICS, COLUMNS, FINAL_METRICS, ROUND_METRICS
from fedsky.web import Settings, create_app, openapi

FRONTEND = Path(__file__).parent / "frontend"
GENERATED = FRONTEND / "src" / "generated"
HEAD = "/** Written by python -m fedsky.web.facts: change it there. */\n"


def columns() -> str:
    """The columns that measure something, with their units and labels, and where each is found."""
    known = {}
    for name in dict.fromkeys((*ROUND_METRICS, *CLIENT_METRICS)):
        column = COLUMNS[name]
        known[name] = {"unit": column.unit, "isFraction": column.is_fraction}
        known[name] |= {lang: label(column.label, lang) for lang in language.LANGUAGES}
    lists = {"FINAL_METRICS": FINAL_METRICS, "ROUND_METRICS": ROUND_METRICS, "CLIENT_METRICS": CLIENT_METRICS}
    parts = [
        f"export const {name} = {written(value)} as const\n" for name, value in {**lists, "COLUMNS": known}.items()
    ]
    return HEAD + "".join(parts)


def label(text: str, lang: str) -> str:
    """A label in a language, with a capital letter first."""
    with language.use(lang):
        said = language._(text)
    return said[:1].upper() + said[1:]


def written(value: object) -> str:
    """A value as the source text of a constant."""
    return json.dumps(value, ensure_ascii=False, indent=2)


def types() -> str:
    """The API's types, of an empty site's description."""
    with tempfile.TemporaryDirectory(prefix="fedsky-types-") as place:
        app = create_app(Settings(data=Path(place) / "site", outputs=(Path(place),)))
        description = Path(place) / "openapi.json"
        description.write_text(json.dumps(openapi.document(app)), encoding="utf-8")
        target = Path(place) / "api.ts"
        program = FRONTEND / "node_modules" / ".bin" / "openapi-typescript"
        options = ("--default-non-nullable", "false", "--output", target)
        subprocess.run([program, description, *options], cwd=FRONTEND, check=True, capture_output=True)
        return HEAD + target.read_text(encoding="utf-8")


def main() -> None:
    """Writes what is generated."""
    GENERATED.mkdir(exist_ok=True)
    (GENERATED / "columns.ts").write_text(columns(), encoding="utf-8")
    (GENERATED / "api.ts").write_text(types(), encoding="utf-8")


if __name__ == "__main__":
    main()
