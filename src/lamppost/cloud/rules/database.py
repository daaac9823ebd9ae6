"""The database: private, encrypted, backed up, over TLS, and with no password that a template knows."""

from collections.abc import Iterator

from lamppost.cloud.rules.stacks import Broken, Resource, Stacks

INSTANCE = "RDS::DBInstance"


def _primaries(stacks: Stacks) -> Iterator[Resource]:
    """Instances that are nobody's replica: backups, password and windows are settled there."""
    return (each for each in stacks.of(INSTANCE) if not each.get("SourceDBInstanceIdentifier"))


def database_is_private(stacks: Stacks) -> Iterator[Broken]:
    """The internet does not reach it."""
    for instance in stacks.of(INSTANCE):
        if instance.get("PubliclyAccessible") is not False:
            yield instance.broken("has a public address", "set PubliclyAccessible to false")


def database_is_encrypted(stacks: Stacks) -> Iterator[Broken]:
    """Its disk and its backups are encrypted. Nobody can turn that on later."""
    for instance in _primaries(stacks):
        if instance.get("StorageEncrypted") is not True:
            yield instance.broken("writes plain text to its disk", "set StorageEncrypted before it exists")


def database_is_backed_up(stacks: Stacks) -> Iterator[Broken]:
    """It can be brought back to any second of the days that the stage says."""
    for instance in _primaries(stacks):
        days = int(instance.get("BackupRetentionPeriod", default=0))
        if days < stacks.settings.backup_days:
            yield instance.broken(
                f"keeps backups {days} days", f"keep them {stacks.settings.backup_days}, as the stage says"
            )


def database_speaks_tls(stacks: Stacks) -> Iterator[Broken]:
    """It refuses whoever comes without TLS."""
    for instance in stacks.of(INSTANCE):
        parameters = stacks.target(instance.stack, instance.get("DBParameterGroupName"))
        if parameters is None or str(parameters.get("Parameters", "rds.force_ssl")) != "1":
            yield instance.broken("takes passwords in plain text", "set rds.force_ssl to 1")


def password_is_unknown(stacks: Stacks) -> Iterator[Broken]:
    """RDS makes and keeps the administrator's password: no template has it."""
    for instance in _primaries(stacks):
        if instance.get("MasterUserPassword") or instance.get("ManageMasterUserPassword") is not True:
            yield instance.broken("has its password from the template", "let RDS manage it")
    for secret in stacks.of("SecretsManager::Secret"):
        if secret.get("SecretString"):
            yield secret.broken("has its value in the template", "let Secrets Manager generate it")


def windows_are_apart(stacks: Stacks) -> Iterator[Broken]:
    """A backup and maintenance never meet: RDS refuses windows that overlap."""
    for instance in _primaries(stacks):
        backup = instance.get("PreferredBackupWindow")
        weekly = instance.get("PreferredMaintenanceWindow")
        if not backup or not weekly:
            yield instance.broken("is backed up and maintained whenever", "name both windows")
            continue
        begins, ends = (part.partition(":")[2] for part in weekly.split("-"))
        first, last = backup.split("-")
        if first < ends and begins < last:
            yield instance.broken(f"is backed up at {backup} and maintained at {weekly}", "set them apart")


def protected_where_it_matters(stacks: Stacks) -> Iterator[Broken]:
    """A protected stage's database and stacks refuse to be deleted, and its database stands in two zones."""
    if not stacks.settings.protected:
        return
    for instance in _primaries(stacks):
        if instance.get("DeletionProtection") is not True:
            yield instance.broken("may be deleted by mistake", "set DeletionProtection")
        if stacks.settings.multi_az and instance.get("MultiAZ") is not True:
            yield instance.broken("stands in one zone", "set MultiAZ")
    for stack in stacks.stacks.values():
        if not stack.protected:
            yield Broken(stack.id, "", "may be deleted by mistake", "give it termination protection")


def newer_minor_versions_come(stacks: Stacks) -> Iterator[Broken]:
    """Security fixes of PostgreSQL arrive by themselves."""
    for instance in stacks.of(INSTANCE):
        if instance.get("AutoMinorVersionUpgrade") is False:
            yield instance.broken("waits for somebody to patch it", "set AutoMinorVersionUpgrade")


RULES = (
    database_is_private,
    database_is_encrypted,
    database_is_backed_up,
    database_speaks_tls,
    password_is_unknown,
    windows_are_apart,
    protected_where_it_matters,
    newer_minor_versions_come,
)
