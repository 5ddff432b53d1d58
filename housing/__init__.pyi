from housing.api.experiment import Experiment as Experiment
from housing.api.experiment import compose as compose
from housing.api.experiment import describe as describe
from housing.api.experiment import runs as runs
from housing.api.result import RecordedRuns as RecordedRuns
from housing.api.result import Result as Result
from housing.errors import BudgetRefused as BudgetRefused
from housing.errors import CloudError as CloudError
from housing.errors import ConfigError as ConfigError
from housing.errors import DataError as DataError
from housing.errors import DataFault as DataFault
from housing.errors import DeploymentError as DeploymentError
from housing.errors import FaultDetail as FaultDetail
from housing.errors import GateRefused as GateRefused
from housing.errors import GateVerdict as GateVerdict
from housing.errors import HousingError as HousingError
from housing.errors import JobRefused as JobRefused
from housing.errors import RegistryError as RegistryError
from housing.errors import RolledBack as RolledBack
from housing.errors import ServerAway as ServerAway
from housing.errors import TrackingError as TrackingError
from housing.errors import TrainingError as TrainingError

__version__: str
