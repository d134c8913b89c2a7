from lwal_core.notebook import compare as compare
from lwal_core.notebook import list_runs as list_runs
from lwal_core.notebook import open_run as open_run
from lwal_core.recording import Recorder as Recorder
from lwal_core.recording import resume_run as resume_run
from lwal_core.recording import start_run as start_run

__version__: str
