"""What is private in flwr, ray, hydra and Python, and used all the same: one list, and a test that sees it change."""

import ast
import importlib
import inspect
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = [path for place in ("fedsky", "strategies", "baselines") for path in sorted((ROOT / place).rglob("*.py"))]

# module and name, with the reason; a name that ends in (a, b) is called with these arguments
USED = {
    "flwr.server.superlink.fleet.vce.backend.backend:Backend.build(self, app_fn)": "the actors are a backend",
    "flwr.server.superlink.fleet.vce.backend.backend:Backend.process_message(self, message, context)": "likewise",
    "flwr.server.superlink.fleet.vce.backend.backend:Backend.terminate(self)": "likewise",
    "flwr.server.superlink.fleet.vce.backend.backend:Backend.num_workers": "likewise",
    "flwr.server.superlink.fleet.vce.backend.backend:Backend.is_worker_idle(self)": "likewise",
    "flwr.server.superlink.fleet.vce.metrics:VceMetrics": "the fleet engine counts in it",
    "flwr.server.superlink.fleet.vce.vce_api:run_api(app_fn, backend_fn, nodes_mapping, state_factory, "
    "node_info_stores, f_stop, metrics)": "the fleet engine itself",
    "flwr.server.superlink.fleet.vce.vce_api:ThreadPoolExecutor": "as many threads as there are actors",
    "flwr.supercore.run:Run.create_empty(run_id)": "a grid has a run",
    "flwr.supercore.task_identity:TaskIdentity": "Message asks for the task that it is made in",
    # a real federation, from the server's side
    "flwr.cli.build:build_fab_from_files(files)": "a run is started with a bundle, which holds nothing here",
    "flwr.supercore.control:ControlHttpClient.StartRun(self, request)": "a run is started",
    "flwr.supercore.control:ControlHttpClient.ListNodes(self, request)": "who is registered and connected",
    "flwr.supercore.control:ControlHttpClient.RegisterNode(self, request)": "an owner's key",
    "flwr.supercore.control:ControlHttpClient.UnregisterNode(self, request)": "likewise",
    "flwr.supercore.control:ControlHttpClient.from_server_address(server_address, insecure, root_certificates, "
    "interceptors)": "the way to a SuperLink",
    "flwr.supercore.runtime:RuntimeHttpClient.AcquireTask(self, request)": "this process takes the run's task over",
    "flwr.supercore.runtime:RuntimeHttpClient.PullTaskInput(self, request)": "likewise",
    "flwr.supercore.runtime:RuntimeHttpClient.SendTaskHeartbeat(self, request)": "likewise",
    "flwr.supercore.runtime:RuntimeHttpClient.PushTaskOutput(self, request)": "likewise",
    "flwr.supercore.runtime:RuntimeHttpClient.PushMessages(self, request)": "messages that take their content along",
    "flwr.supercore.runtime:RuntimeHttpClient.PullMessages(self, request)": "replies likewise",
    "flwr.server.superlink.linkstate.utils:message_to_dict(message)": "a SuperLink keeps a content with its message",
    "flwr.supercore.inflatable.inflatable_utils:pull_objects(object_ids, pull_object_fn, max_time, "
    "max_tries_per_object, initial_backoff, backoff_cap)": "a large content is fetched without Flower's long waits",
    "flwr.supercore.inflatable.inflatable_utils:ObjectPullError": "likewise",
    "flwr.superlink.grid:HttpGrid(runtime_api_address, insecure, root_certificates, token)": "messages of the run",
    "flwr.superlink.grid:HttpGrid._runtime_client": "its connection is the task's, too",
    "flwr.supercore.fab:Fab(hash_str, content, verifications)": "likewise of the bundle",
    "flwr.supercore.heartbeat:HeartbeatSender(heartbeat_fn)": "the task's signs of life",
    "flwr.supercore.retry:RetryInvoker(wait_gen_factory, recoverable_exceptions, max_tries, max_time, "
    "should_giveup)": "the grid's own interrupts the process where a run is lost",
    "flwr.supercore.retry:exponential(max_delay)": "likewise",
    "flwr.supercore.run:RunNotRunningException": "how the grid says that a run is lost",
    "flwr.supercore.interceptors:RuntimeVersionHttpInterceptor(component_name)": "a SuperLink asks for the version",
    "flwr.supercore.error:FlowerError.from_json": "why a key is refused",
    "flwr.supercore.error:ApiErrorCode.FLEET_NODE_ACTIVATION_FAILED": "likewise",
    # and from an owner's
    "flwr.supernode.fleet_http_client:FleetHttpClient.PullMessages(self, request)": "the Fleet API",
    "flwr.supernode.fleet_http_client:FleetHttpClient.PushMessages(self, request)": "likewise",
    "flwr.supernode.fleet_http_client:FleetHttpClient.ActivateNode(self, request)": "likewise",
    "flwr.supernode.fleet_http_client:FleetHttpClient.SendNodeHeartbeat(self, request)": "likewise",
    "flwr.supernode.node_auth_http_interceptor:NodeAuthHttpInterceptor(private_key, public_key)": "its signature",
    "flwr.supercore.primitives.asymmetric:public_key_to_bytes(public_key)": "likewise",
    "flwr.supercore.inflatable.inflatable_object:get_all_nested_objects(obj)": "a message travels as objects",
    "flwr.supercore.inflatable.inflatable_object:get_object_tree(obj)": "likewise",
    "flwr.supercore.inflatable.inflatable_object:iterate_object_tree(tree)": "likewise",
    "flwr.supercore.inflatable.inflatable_object:no_object_id_recompute": "likewise",
    "flwr.supercore.inflatable.inflatable_protobuf_utils:make_pull_object_fn_protobuf": "likewise",
    "flwr.supercore.inflatable.inflatable_protobuf_utils:make_push_object_fn_protobuf": "likewise",
    "flwr.supercore.inflatable.inflatable_protobuf_utils:make_confirm_message_received_fn_protobuf": "likewise",
    "flwr.supercore.inflatable.inflatable_utils:inflate_object_from_contents": "likewise",
    "flwr.supercore.inflatable.inflatable_utils:pull_objects": "likewise",
    "flwr.supercore.inflatable.inflatable_utils:push_objects": "likewise",
    "ray._private.node:Node.start_monitor": "an autoscaler that a run's own cluster does without",
    "ray._private.node:Node.start_log_monitor": "likewise a reader of logs",
    "ray._private.node:Node.start_api_server(self, include_dashboard, raise_on_failure)": "likewise the dashboard",
    "ray._private.state:GlobalState.get_node(self, node_id)": "a node that starts is looked for more often",
    "ray._private.state:GlobalState.node_table(self)": "likewise",
    "ray._private.ray_constants:ENABLE_RAY_CLUSTER": "a cluster of a run's own listens on loopback",
    "ray._raylet:AuthenticationTokenLoader": "a second cluster in one process has another token",
    "ray._raylet:Config": "likewise",
    "hydra._internal.utils:get_args_parser": "settings may stand after options",
    "hydra._internal.utils:create_config_search_path": "a sweep that goes on splits its overrides as it began",
    "hydra._internal.config_loader_impl:ConfigLoaderImpl": "likewise",
    "hydra._internal.core_plugins.basic_sweeper:BasicSweeper.split_arguments(overrides)": "likewise",
    "threading:_register_atexit": "the engine's threads end before the interpreter joins them",
}
PRIVATE = re.compile(r"\b_(?!_)\w+|\.supercore\.|\.superlink\.|\bflwr\.simulation\b")


def private_imports(path: Path) -> set[str]:
    """What a file imports of the libraries' private parts, as module:name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in ("flwr", "ray", "hydra"):
            for alias in node.names:
                if PRIVATE.search(f"{node.module}.{alias.name}"):
                    found.add(f"{node.module}:{alias.name}")
    return found


def test_whatever_is_private_and_imported_stands_in_the_list() -> None:
    listed = {re.split(r"[.(]", name.partition(":")[2])[0] for name in USED}
    modules = {name.partition(":")[0].rpartition(".")[2] for name in USED}
    for path in CODE:
        for found in private_imports(path):
            name = found.partition(":")[2]
            assert name in listed or name in modules, f"{path.relative_to(ROOT)}: {found}"


@pytest.mark.parametrize("used", USED)
def test_it_is_still_there_as_it_is_used(used: str) -> None:
    name, _, arguments = used.partition("(")
    module, _, attribute = name.partition(":")
    found = importlib.import_module(module)
    for part in attribute.split("."):
        found = getattr(found, part)
    if arguments:
        known = list(inspect.signature(found).parameters)  # type: ignore[arg-type]
        assert set(arguments.rstrip(")").split(", ")) <= set(known), known


def test_flwr_and_hydra_are_capped_as_their_private_parts_may_change() -> None:
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["dependencies"]
    for package in ("flwr", "hydra-core"):
        assert any(each.startswith(package) and "<" in each for each in wanted), package
