"""What holds where a statement stands: objects made so far, locks held, settings changed."""

from collections.abc import Collection, Iterator, Sequence

from lamppost.migrate.header import Header
from lamppost.migrate.lint import model
from lamppost.migrate.lint.bounds import implied
from lamppost.migrate.lint.facts import Before, Facts
from lamppost.migrate.lint.model import Name, Statement
from lamppost.migrate.lint.uses import Use, uses

# Actions of `alter table` that let reads and writes go on (SHARE UPDATE EXCLUSIVE).
_GENTLE = {
    "AT_SetStatistics", "AT_SetRelOptions", "AT_ResetRelOptions", "AT_ClusterOn", "AT_DropCluster",
    "AT_SetOptions",
    "AT_ResetOptions", "AT_ReplaceRelOptions",
}  # fmt: skip


# What leaves nothing behind that a later statement would meet.
_TRACELESS = (model.Other, model.Insert, model.Change, model.Read, model.Grant, model.Call, model.NewerServer)
# Up to so many rows, by the catalog, a table is read or indexed in milliseconds.
SMALL = 1_000


class State:
    """Everything a rule may ask about the place of a statement in its file."""

    def __init__(
        self,
        header: Header,
        *,
        service: str | None,
        pg: tuple[int, int | None],
        before: Before,
    ) -> None:
        self.header = header
        self.service = service
        self.pg, self.pg_minor = pg
        self.statement = Statement(1, model.Other(""))
        self.inside: str = "file"
        self.line = 1
        # The name of each object made in this file, and its kind.
        self.made: dict[Name, str] = {}
        self.new_columns: set[tuple[Name, str]] = set()
        self.new_constraints: set[tuple[Name, str]] = set()
        self.search_path: tuple[str, ...] | None = None
        # What happened in the statement's transaction: tables held so that others wait, and since which line.
        self.held: dict[Name, int] = {}
        self.not_valid: set[tuple[Name, str]] = set()
        self.labels: set[str] = set()
        self.begun: str | None = None
        self.functions: dict[Name, model.CreateFunction] = {}
        self.domains: dict[Name, bool] = {}
        self.partitioned: set[Name] = set()
        self.temporary: set[Name] = set()
        self._proofs: dict[tuple[Name, str], tuple[tuple[str, ...], bool]] = {}
        self._checks: dict[tuple[Name, str], tuple[model.Node, bool]] = {}
        # What the file has dropped so far, and the zone it has set.
        self.dropped: set[Name] = set()
        # Columns that may be null again.
        self.loosened: set[tuple[Name, str]] = set()
        self.zone = ""
        self._before = before
        self._rest: Sequence[Statement] = ()
        self._at = 0
        # Where in the file an object of a kind is made for the last time.
        self._made_last: dict[tuple[str, Name | str], int] | None = None
        self._uses: list[Use] | None = None

    def expect(self, statements: Sequence[Statement]) -> None:
        """Know what is still to come in the file."""
        self._rest = statements

    @property
    def in_transaction(self) -> bool:
        """Whether the statement shares a transaction with those around it."""
        return self.header.in_transaction or self.begun is not None or self.inside != "file"

    @property
    def contracting(self) -> bool:
        """Whether the running code no longer needs what this file removes: `phase contract`."""
        return self.header.phase == "contract"

    def resolved(self, name: Name) -> Name:
        """`name` with the schema it is found in: said, or of the search path, or public."""
        if name.schema is not None:
            return name
        if name in self.made:
            return name
        return Name(self.search_path[0] if self.search_path else None, name.name)

    def is_new(self, name: Name) -> bool:
        """Whether this file made it, so that nobody waits for it and nothing is in it."""
        return self.resolved(name) in self.made

    @property
    def knows_all(self) -> bool:
        """Whether what is not known does not exist: there is a catalog to ask."""
        return self._before.complete

    @property
    def uses(self) -> list[Use]:
        """What the statement names, if it is the first of its kind out of one parsed statement."""
        if self._uses is None:
            self._uses = uses(self.statement.node) if self.statement.node is not None else []
        return self._uses

    @property
    def keeps_to_itself(self) -> bool:
        """Whether a look was enough to see that the statement names nothing of anybody else's."""
        tree = self.statement.tree
        return tree is None or tree.text.keeps_to(self.service)

    def known(self, name: Name) -> Facts:
        """What is known of the time before this file."""
        return self._before.about(name.name)

    def proves_not_null(self, table: Name, column: str, without: Collection[str] = ()) -> bool:
        """Whether a validated constraint, none of those `without`, says that `column` is never null."""
        table = self.resolved(table)
        if (table, column) not in self.loosened and (table, column) in self.known(table).not_null:
            return True
        return any(
            of == table and name not in without and column in found and checked
            for (of, name), (found, checked) in {**self.known(table).proofs, **self._proofs}.items()
        )

    def made_again(self, kind: str, name: Name) -> bool:
        """Whether a later statement of the file makes an object of this kind and name again."""
        if self._made_last is None:
            self._made_last = {
                made: place for place, one in enumerate(self._rest) for made in _makes(one.what)
            }
        last = (self._made_last.get((kind, name.name), -1), self._made_last.get((kind, name), -1))
        return max(last) >= self._at

    def within(self, table: Name, bound: model.Node) -> bool:
        """Whether a check that holds for every row of `table` keeps them within a partition's bounds."""
        table = self.resolved(table)
        mine = [check for (of, _), (check, ok) in self._checks.items() if of == table and ok]
        return any(implied(bound, check) for check in mine + self.known(table).validated(table))

    def small(self, table: Name) -> bool:
        """Whether the catalog has counted few rows in `table`. One nobody counted, or empty, may be large."""
        table = self.resolved(table)
        return 0 < self.known(table).rows.get(table, 0) <= SMALL

    @property
    def statements(self) -> Sequence[Statement]:
        """The statements of the file that is judged."""
        return self._rest

    @property
    def is_job(self) -> bool:
        """Whether the file runs outside the deploy: how long it takes keeps nobody from deploying."""
        return self.header.job is not None

    def has_policy(self, table: Name) -> bool:
        """Whether the file makes a policy for `table`, before or after."""
        return any(isinstance(s.what, model.Make) and s.what.on == table for s in self._rest)

    def holds(self) -> tuple[Name, int] | None:
        """A table whose users wait until this transaction ends, and the line that made them."""
        return next(iter(self.held.items()), None) if self.in_transaction else None

    def enter(self, statement: Statement) -> None:
        """Stand before `statement`."""
        self.statement, self._uses = statement, None
        self.inside, self.line = statement.inside, statement.line
        if statement.inside == "file":
            self._at += 1

    def leave(self, statement: Statement) -> None:
        """Take in what `statement` did."""
        what = statement.what
        if not self.in_transaction:
            self._end()
        if what.__class__ in _TRACELESS:
            return
        match what:
            case model.AlterTable(table=table, actions=actions):
                for action in actions:
                    self._altered(table, action)
            case model.CreateTable(table=table):
                if not (what.if_not_exists and self.resolved(table) in self.known(table).tables):
                    self._made(table, "table", temporary=what.temporary)
                if what.partitioned:
                    self.partitioned.add(self.resolved(table))
            case model.CreateFrom(table=table, kind=kind):
                if not (what.if_not_exists and self.resolved(table) in self.known(table).tables):
                    self._made(table, kind, temporary=what.temporary)
            case model.Make(kind=kind, name=name) if kind != "policy":
                self._made(name, kind)
                if kind == "domain":
                    self.domains[self.resolved(name)] = what.constrained
            case model.CreateFunction(name=name):
                self._made(name, "function")
                self.functions[self.resolved(name)] = what
            case model.CreateIndex(table=table, index=index, concurrently=concurrently):
                if index:
                    self.made[Name(self.resolved(table).schema, index)] = "index"
                if not concurrently:
                    self._hold(table)
            case model.Rename(kind=kind, of=of, part=None, to=to) if self.is_new(of):
                self.made[Name(self.resolved(of).schema, to)] = kind
            case model.Move(name=name, schema=schema) if self.is_new(name):
                self.made[Name(schema, name.name)] = "moved"
            case model.Rename(of=of) | model.Refresh(view=of) | model.Trigger(table=of):
                self._hold(of)
            case model.Drop(kind=kind, names=names) if kind != "table":
                self.dropped.update(self.resolved(name) for name in names)
            case model.Drop(names=names):
                for name in names:
                    self.dropped.add(self.resolved(name))
                    if self.made.pop(self.resolved(name), None) is None:
                        self._hold(name)
            case model.Truncate(tables=tables):
                for table in tables:
                    self._hold(table)
            case model.Lock(tables=tables, mode=mode) if mode >= 5:
                for table in tables:
                    self._hold(table)
            case model.AddLabel(label=label, type=named) if not self.is_new(named):
                self.labels.add(label)
            case model.Set(name="timezone", values=values):
                self.zone = (values or ("",))[0].lower()
            case model.Set(name="search_path", values=values):
                self.search_path = (
                    tuple(v.strip().strip('"') for value in values for v in value.split(",")) or None
                )
            case model.Transaction(kind=kind):
                self._transaction(kind)

    def _transaction(self, kind: str) -> None:
        if kind in {"begin", "start"}:
            self.begun = kind
        elif kind in {"commit", "rollback", "prepare"}:
            self.begun = None
            self._end()

    def _end(self) -> None:
        self.held.clear()
        self.not_valid.clear()
        self.labels.clear()

    def _made(self, name: Name, kind: str, *, temporary: bool = False) -> None:
        self.made[name if temporary else self.resolved(name)] = kind
        if temporary:
            self.temporary.add(name)

    def _hold(self, table: Name) -> None:
        if not self.is_new(table) and self.in_transaction:
            self.held.setdefault(self.resolved(table), self.line)

    def _altered(self, table: Name, action: model.Action) -> None:
        table = self.resolved(table)
        match action:
            case model.AddColumn(column):
                self.new_columns.add((table, column.name))
            case model.AddConstraint(constraint):
                self.new_constraints.add((table, constraint.name or ""))
                if constraint.not_valid:
                    self.not_valid.add((table, constraint.name or ""))
                if constraint.proves_not_null:
                    self._proofs[table, constraint.name or ""] = (
                        constraint.proves_not_null,
                        not constraint.not_valid,
                    )
                if constraint.expression is not None:
                    self._checks[table, constraint.name or ""] = (
                        constraint.expression,
                        not constraint.not_valid,
                    )
            case model.OtherAction(kind="AT_DropConstraint", name=name):
                self._proofs[table, name] = ((), False)
                self._checks.pop((table, name), None)
            case model.OtherAction(kind="AT_DropNotNull", name=name):
                self.loosened.add((table, name))
            case model.SetNotNull(column):
                self.loosened.discard((table, column))
            case model.DropColumn(column=column):
                self.new_columns.discard((table, column))
            case model.ValidateConstraint(name):
                check = self._checks.get((table, name)) or self.known(table).checks.get((table, name))
                if check:
                    self._checks[table, name] = (check[0], True)
                known = self._proofs.get((table, name)) or self.known(table).proofs.get((table, name))
                if known:
                    self._proofs[table, name] = (known[0], True)
                return
            case model.Attach() | model.Detach(concurrently=True):
                return
            case model.OtherAction(kind=kind) if kind in _GENTLE:
                return
        self._hold(table)


def _makes(what: model.Kind) -> Iterator[tuple[str, Name | str]]:
    """The kind and the name of what a statement makes, as a `drop` before it would call it."""
    match what:
        case model.Make(kind=kind, name=name):
            yield kind, name.name
        case model.CreateFunction(name=name):
            yield "function", name
            yield "procedure", name
        case model.Trigger(kind=kind, name=trigger):
            yield kind, trigger
        case model.CreateFrom(table=table, kind=kind):
            yield kind, table
