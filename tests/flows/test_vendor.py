"""The vendor's compiler, played by a script on PATH that writes the report that the real one writes."""

from __future__ import annotations

import json
import os
import shutil
import stat
import sys
from pathlib import Path

import pytest

from tests.networks import NetworkSpec, network
from xnorsr.errors import UserError
from xnorsr.flows import vendor
from xnorsr.flows.steps import csynth
from xnorsr.flows.steps.csynth import SMALL, vendor_synthesis
from xnorsr.hw.build import BuildOptions, build, model_graph, prepare
from xnorsr.hw.hls.csynth import check_intervals
from xnorsr.hw.hls.plugin.graph import network_of
from xnorsr.hw.resources.folding import foldings

# As Vitis HLS writes it, shortened to what is read and what could be taken for it.
REPORT = """<profile>
<UserAssignments><Part>xck26-sfvc784-2LV-c</Part><TopModelName>xnorsr_top</TopModelName>
<TargetClockPeriod>5.00</TargetClockPeriod><ClockUncertainty>1.35</ClockUncertainty></UserAssignments>
<PerformanceEstimates><SummaryOfTimingAnalysis><unit>ns</unit><EstimatedClockPeriod>3.641</EstimatedClockPeriod>
</SummaryOfTimingAnalysis><SummaryOfOverallLatency><unit>clock cycles</unit><Best-caseLatency>65541</Best-caseLatency>
<Average-caseLatency>65700</Average-caseLatency><Worst-caseLatency>{worst}</Worst-caseLatency>
<Interval-min>65537</Interval-min><Interval-max>65601</Interval-max></SummaryOfOverallLatency></PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>12</BRAM_18K><DSP>34</DSP><FF>5678</FF><LUT>9012</LUT><URAM>0</URAM></Resources>
<AvailableResources><BRAM_18K>288</BRAM_18K><DSP>1248</DSP><FF>234240</FF><LUT>117120</LUT><URAM>64</URAM>
</AvailableResources></AreaEstimates></profile>
"""

LOOPS = """<profile><PerformanceEstimates><SummaryOfLoopLatency>{loops}</SummaryOfLoopLatency></PerformanceEstimates>
</profile>
"""
LOOP = "<{name}><TripCount>90</TripCount><Latency>95</Latency>{ii}<PipelineDepth>6</PipelineDepth></{name}>"
ONE = "<PipelineII>1</PipelineII>"

# Notes how it was called. In C-simulation it compiles the test bench as the real one does, where it is told to; in
# C-synthesis it leaves its reports where the real compiler leaves them.
STAND_IN = """#!{python}
import json, os, pathlib, subprocess, sys
options = pathlib.Path("build_opt.tcl").read_text().split()
csim = options[options.index("csim") + 1] == "1"
with open("{calls}", "a") as calls:
    calls.write(("csim: " if csim else "synth: ") + " ".join(sys.argv[1:]) + chr(10))
print("INFO: running")
if {fail}:
    print("ERROR: [HLS 200-70] no license")
    sys.exit(1)
if csim:
    if {compiles}:
        os.environ["PATH"] = "{path}"
        flags = "-std=c++14 -O0 -DXNORSR_BIT_TRUE -isystem firmware/ap_types".split()
        files = ["firmware/xnorsr_top.cpp", "xnorsr_top_test.cpp", "-o", "bench"]
        subprocess.run(["g++", *flags, *files], check=True)
        sys.exit(subprocess.run(["./bench"]).returncode)
    sys.exit(0)
place = pathlib.Path("{place}")
place.parent.mkdir(parents=True)
place.write_text('''{report}''')
for name in [layer["name"] for layer in json.loads(pathlib.Path("xnorsr.json").read_text())["layers"]][{unseen}:]:
    place.with_name("kernel_" + name + "_cfg_s_csynth.xml").write_text('''{loops}''')
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A built folder without the SystemVerilog project, for a frame larger than what is C-simulated."""
    out = tmp_path_factory.mktemp("vendor") / "built"
    build(network(NetworkSpec(height=5, width=6, channels=3)), out, BuildOptions(frame=(30, 20)), rtl=False)
    return out


@pytest.mark.slow
def test_the_small_frame_has_the_folding_of_the_built_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At this clock 60 frames per second of the small frame would leave more cycles for a pixel."""
    out, made = tmp_path / "built", []
    options = BuildOptions(frame=(60, 40), clock_mhz=2.0)
    built = build(network(NetworkSpec(height=5, width=6, channels=4)), out, options, hls=False, rtl=False)
    real = csynth.write_project
    monkeypatch.setattr(csynth, "write_project", lambda graph, out: (made.append(graph), real(graph, out)))
    csynth.small_project(built, tmp_path / "small")
    assert network_of(made[0]).input_type.shape == (16, 24, 3)
    assert foldings(network_of(made[0])) == foldings(built.network)
    other = options.model_copy(update={"frame": SMALL})
    alone = network_of(model_graph(prepare(out / "model.onnx", other), other, tmp_path / "alone"))
    assert foldings(alone) != foldings(built.network), "or the test says nothing"


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may write into."""
    return Path(shutil.copytree(built, tmp_path / "built"))


def _stand_in(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    place: str,
    *,
    fail: bool = False,
    compiles: bool = False,
    loops: str = LOOP.format(name="step", ii=ONE),
    unseen: int = 0,
) -> Path:
    """Puts a compiler alone on PATH; the file that says how it was called."""
    tool = tmp_path / "bin" / name
    tool.parent.mkdir()
    text = STAND_IN.format(
        python=sys.executable,
        calls=tmp_path / "calls.txt",
        path=os.environ["PATH"],
        fail=fail,
        compiles=compiles,
        place=place,
        report=REPORT.format(worst=65800),
        loops=LOOPS.format(loops=loops),
        unseen=unseen,
    )
    tool.write_text(text)
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tool.parent))
    return tmp_path / "calls.txt"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "place", "called"),
    [
        ("vitis_hls", "xnorsr_top_prj/solution1/syn/report/xnorsr_top_csynth.xml", "-f build_prj.tcl"),
        ("vitis-run", "xnorsr_top_prj/solution1/syn/report/xnorsr_top_csynth.xml", "--mode hls --tcl build_prj.tcl"),
        (
            "v++",
            "xnorsr_top_prj/hls/syn/report/csynth.xml",
            "--compile --mode hls --config hls_config.cfg --work_dir xnorsr_top_prj",
        ),
    ],
)
def test_synthesis_runs_and_report_is_read(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    place: str,
    called: str,
) -> None:
    calls = _stand_in(tmp_path, monkeypatch, name, place, compiles=name == "vitis_hls", unseen=1)
    found = vendor_synthesis(folder)
    assert found is not None
    project = folder / "hls"
    csim = [] if name == "v++" else [f"csim: {called}"]
    assert calls.read_text().splitlines() == [*csim, f"synth: {called}"]
    assert found.tool == name
    assert found.part == "xck26-sfvc784-2LV-c"
    assert (found.clock_target_ns, found.clock_estimated_ns) == (5.0, 3.641)
    assert found.latency_cycles == (65541, 65800)
    assert found.interval_cycles == (65537, 65601)
    assert found.used == {"BRAM_18K": 12, "DSP": 34, "FF": 5678, "LUT": 9012, "URAM": 0}
    assert found.available["LUT"] == 117120
    assert found.source == project / place
    # The bench compares all codes of the small frame; the layer that the reports leave out is told.
    assert found.csim_codes == (None if name == "v++" else 2 * 24 * 2 * 16 * 3)
    layers = [layer["name"] for layer in json.loads((project / "xnorsr.json").read_text())["layers"]]
    assert found.unseen == (layers[0],)
    assert len(found.loops) == len(layers) - 1
    said = " ".join(capsys.readouterr().out.split())
    assert f"No loop in the reports for: {layers[0]}" in said
    assert "LUT 9,012" in said and "formulas, SystemVerilog" in said
    record = json.loads((folder / "csynth.json").read_text())
    assert record["used"]["LUT"] == 9012 and record["loops"][0]["interval"] == 1
    options = (project / "build_opt.tcl").read_text().split()
    assert options[options.index("synth") + 1] == "1"
    assert options[options.index("csim") + 1] == "0"
    assert "INFO: running" in (project / vendor.LOG).read_text()
    assert not list(folder.glob("*csim*"))
    if name == "v++":
        config = (project / "hls_config.cfg").read_text()
        assert "part=xck26-sfvc784-2LV-c" in config
        assert "clock=5" in config
        assert "syn.file=firmware/xnorsr_top.cpp" in config
        assert "syn.cflags=-std=c++14" in config


def test_without_the_compiler_one_line_says_so(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert vendor_synthesis(folder) is None
    said = " ".join(capsys.readouterr().out.split())
    assert said == vendor.MISSING
    assert not (folder / "csynth.json").exists()


def test_failing_compiler_is_an_error_with_its_last_words(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stand_in(tmp_path, monkeypatch, "v++", "unused", fail=True)
    with pytest.raises(
        UserError, match=r"v\+\+ failed in synth with exit code 1: .*no license\. The whole log: .*\.log"
    ):
        vendor_synthesis(folder)


def test_compiler_that_fails_in_csim(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(tmp_path, monkeypatch, "vitis_hls", "unused", fail=True)
    with pytest.raises(UserError, match=r"vitis_hls failed in csim with exit code 1: .*no license\."):
        vendor_synthesis(folder)


def test_compiler_that_leaves_no_report(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _stand_in(tmp_path, monkeypatch, "vitis_hls", "xnorsr_top_prj/solution1/syn/report/other_csynth.xml")
    with pytest.raises(UserError, match="left no C-synthesis report of xnorsr_top"):
        vendor_synthesis(folder)


def test_a_loop_that_misses_its_interval(tmp_path: Path) -> None:
    inner = LOOP.format(name="inner", ii="").replace("</inner>", LOOP.format(name="deep", ii=ONE) + "</inner>")
    texts = {
        "good": LOOP.format(name="step", ii=ONE),
        "slow": LOOP.format(name="step", ii="<PipelineII>4</PipelineII>"),
        "bare": LOOP.format(name="VITIS_LOOP_12_1", ii=""),
        "nested": inner,  # the loop around a pipelined one is none itself
    }
    for name, loops in texts.items():
        (tmp_path / f"{name}_csynth.xml").write_text(LOOPS.format(loops=loops))
    (tmp_path / "top_csynth.xml").write_text(REPORT.format(worst=1))
    # A layer that asks for more than one cycle gets it.
    layers = [{"name": "two", "initiation_interval": 2}, {"name": "other", "initiation_interval": 1}]
    (tmp_path / "xnorsr.json").write_text(json.dumps({"layers": layers}))
    two = LOOPS.format(loops=LOOP.format(name="step", ii="<PipelineII>2</PipelineII>"))
    (tmp_path / "kernel_two_cfg_s_csynth.xml").write_text(two)
    with pytest.raises(UserError) as e:
        check_intervals(tmp_path, tmp_path)
    assert str(e.value) == (
        "C-synthesis missed the cycles of 2 of 5 loops: loop 'VITIS_LOOP_12_1' of bare: initiation interval 1 wanted, "
        f"not pipelined; loop 'step' of slow: initiation interval 1 wanted, 4 found. See {tmp_path}."
    )
    (tmp_path / "slow_csynth.xml").unlink()
    (tmp_path / "bare_csynth.xml").unlink()
    assert [(loop.function, loop.name, loop.interval) for loop in check_intervals(tmp_path, tmp_path)] == [
        ("good", "step", 1), ("kernel_two_cfg_s", "step", 2), ("nested", "inner/deep", 1),
    ]  # fmt: skip
    (tmp_path / "bad_csynth.xml").write_text("<profile>")
    with pytest.raises(UserError, match=r"bad_csynth.xml: not a C-synthesis report that can be read"):
        check_intervals(tmp_path, tmp_path)


def test_unknown_latency_and_broken_report(tmp_path: Path) -> None:
    path = tmp_path / "csynth.xml"
    path.write_text(REPORT.format(worst="undef"))
    assert vendor.read_report(path, "vitis_hls").latency_cycles is None
    path.write_text("<profile></profile>")
    with pytest.raises(UserError, match=r"not a C-synthesis report .*\(UserAssignments/Part is missing\)"):
        vendor.read_report(path, "vitis_hls")
    path.write_text("<profile>")
    with pytest.raises(UserError, match="not a C-synthesis report"):
        vendor.read_report(path, "vitis_hls")
