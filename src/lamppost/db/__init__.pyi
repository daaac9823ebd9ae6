from lamppost.db.pool import close_pool as close_pool
from lamppost.db.pool import get_pool as get_pool
from lamppost.db.pool import warm_up as warm_up
from lamppost.db.tenancy import act_for as act_for
from lamppost.db.tenancy import as_caller as as_caller
from lamppost.db.tenancy import invited as invited
from lamppost.db.tenancy import new_tenant as new_tenant
from lamppost.db.tenancy import tenant as tenant
