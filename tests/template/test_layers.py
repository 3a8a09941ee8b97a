"""Layers are built for the processor that the functions run on."""

import pytest

from tests.template import snapshot

LAYERS = {
    name: resource
    for name, resource in snapshot.source()["Resources"].items()
    if resource["Type"] == "AWS::Serverless::LayerVersion"
}


@pytest.mark.parametrize("layer", LAYERS)
def test_a_layer_is_built_for_the_functions_runtime_and_processor(layer: str) -> None:
    assert LAYERS[layer]["Metadata"] == {
        "BuildMethod": {"Ref": "PythonRuntime"},
        "BuildArchitecture": {"Ref": "Architecture"},
    }


def test_functions_run_on_what_the_parameters_say() -> None:
    settings = snapshot.source()["Globals"]["Function"]

    assert settings["Runtime"] == {"Ref": "PythonRuntime"}
    assert settings["Architectures"] == [{"Ref": "Architecture"}]
    assert settings["Layers"] == [{"Ref": name} for name in LAYERS]
