"""What may be called a migration, and what two copies of one have in common."""

from pathlib import Path

import pytest

from lamppost.errors import AuthorError
from lamppost.migrate.files import LOOSE, discover, loose, normalised, read
from lamppost.migrate.header import Job, Walk
from lamppost.migrate.naming import check_name

GOOD = "2025-11-01T0900__shop__add_cats.sql"


@pytest.mark.parametrize(
    "name",
    [
        "2025-13-01T0900__shop__a.sql",
        "2025-02-30T0900__shop__a.sql",
        "2025-11-01T2460__shop__a.sql",
        "2025-11-01__shop__a.sql",
        "2025-11-01T0900_shop_a.sql",
        "2025-11-01T0900__shop__Add.sql",
        "2025-11-01T0900__shop__a.sql.bak",
        "٢٠٢٥-11-01T0900__shop__a.sql",
    ],
)
def test_a_name_without_a_real_time_a_service_and_a_description_is_refused(name: str) -> None:
    with pytest.raises(AuthorError) as refused:
        check_name(name, "shop")
    assert refused.value.code == "migration_name"
    assert refused.value.fix


def test_a_file_in_another_services_folder_is_refused() -> None:
    with pytest.raises(AuthorError, match="lies in the folder of 'users'"):
        check_name(GOOD, "users")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"\xef\xbb\xbfselect 1", "migration_encoding"),
        (b"select 1;\nselect '\xe9'", "migration_encoding"),
        (b"select 1;\0drop table cats", "migration_encoding"),
        (b" \n\t", "migration_empty"),
        (b"-- lamppost: no-transactions\nselect 1", "migration_directive"),
    ],
)
def test_content_that_the_server_would_read_differently_is_refused(
    tmp_path: Path, content: bytes, code: str
) -> None:
    (tmp_path / GOOD).write_bytes(content)
    with pytest.raises(AuthorError) as refused:
        read(tmp_path / GOOD, "shop")
    assert refused.value.code == code


def test_a_file_opts_out_of_its_transaction_in_the_comments_at_its_top(tmp_path: Path) -> None:
    (tmp_path / GOOD).write_text("-- The index people wait for.\n-- lamppost: no-transaction\nselect 1")
    assert not read(tmp_path / GOOD, "shop").in_transaction
    (tmp_path / GOOD).write_text("select 1;\n-- lamppost: no-transaction\n")
    assert read(tmp_path / GOOD, "shop").in_transaction


def test_the_platforms_tables_come_before_everybody_elses(tmp_path: Path) -> None:
    (tmp_path / "1999-01-01T0000__shop__a.sql").write_text("select 1")
    services = [migration.service for migration in discover([("shop", tmp_path)]).migrations]
    assert services[0] == "lamppost"
    assert services[-1] == "shop"


def test_a_checkout_with_other_line_ends_is_the_same_text_with_other_bytes(tmp_path: Path) -> None:
    (tmp_path / GOOD).write_bytes(b"select 1;\nselect 2;\n")
    unix = read(tmp_path / GOOD, "shop")
    (tmp_path / GOOD).write_bytes(b"select 1; \r\nselect 2;\r\n")
    windows = read(tmp_path / GOOD, "shop")
    assert unix.sha256 != windows.sha256
    assert unix.text_sha256 == windows.text_sha256
    assert normalised("select 1") != normalised("select  1")


def test_a_folder_of_no_service_may_call_its_files_what_it_likes(tmp_path: Path) -> None:
    (tmp_path / "002_more.sql").write_text("select 2")
    (tmp_path / "001 begin.sql").write_text("select 1")
    bundle = loose(tmp_path)
    assert [migration.name for migration in bundle.migrations] == ["001 begin.sql", "002_more.sql"]
    assert bundle.services == (LOOSE,)


def test_a_folder_without_files_is_refused_rather_than_applied_as_nothing(tmp_path: Path) -> None:
    with pytest.raises(AuthorError) as refused:
        loose(tmp_path)
    assert refused.value.code == "migration_folder"


def test_a_header_may_have_blank_lines_and_says_phase_and_job(tmp_path: Path) -> None:
    text = "-- why\n\n-- lamppost: phase contract\n-- lamppost: job shop.orders by id\nselect 1"
    path = tmp_path / GOOD
    path.write_text(text)
    migration = read(path, "shop")
    assert migration.phase == "contract"
    assert migration.job == Job(Walk("shop", "orders", "id"))
    assert not migration.in_transaction
