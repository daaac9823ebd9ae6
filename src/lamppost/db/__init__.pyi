from lamppost.db.pool import close_pool as close_pool
from lamppost.db.pool import get_pool as get_pool
from lamppost.db.pool import warm_up as warm_up
