"""The AccessStack: what stands between functions and database, where a stage pays for it.

It comes behind the migrations, which make the roles. CloudFormation waits until a new proxy has logged in as
one of them, and gives up when none is there: https://github.com/aws/aws-cdk/issues/8919
"""

import msgspec

from lamppost.cloud.functions import Ground
from lamppost.cloud.migrations import Migrations, migrator
from lamppost.cloud.proxy import proxy
from lamppost.cloud.rotation import rotation


def access(ground: Ground, migrated: Migrations) -> Ground:
    """The ground that services stand on: led to the proxy, where there is one."""
    site = ground.site
    settings = site.stage.settings
    if not settings.proxy and settings.rotate_days is None:
        return ground
    stack = site.stack(site.stage.platform("Access"), "How functions get into the database")
    stack.add_stack_dependency(migrated.stack)
    if settings.rotate_days is not None:
        rotation(ground, stack, site.called(migrator(site)[1].named))
    if not settings.proxy:
        return ground
    return msgspec.structs.replace(ground, proxy=proxy(ground, stack))
