"""Write a migration from the difference between the tables and the newest migration. Usage: new_migration.py MESSAGE"""

import asyncio
import sys
import tempfile
from pathlib import Path

from service.database import migrate
from service.database.engine import make_engine


async def main(message: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        engine = make_engine(f"sqlite:///{folder}/empty.db")
        await migrate.upgrade(engine)
        versions = len(list(Path("migrations/versions").glob("[0-9]*.py")))
        await migrate.autogenerate(engine, message, f"{versions + 1:04}")
        await engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[1]))
