"""Train: the form says what it will do, refuses in words, starts real processes, and is found again by another
browser."""

from __future__ import annotations

import os
import threading
import time

import pytest
from streamlit.testing.v1 import AppTest

from lwal_core.config import ENCODER_TITLES
from lwal_core.errors import ConfigError
from lwal_core.experiments.form_values import (
    DOWNLOADS,
    MORE_SOURCES,
    SOURCES,
    FormValues,
    command_lines,
    configurations,
    hub_options,
    image_options,
    method_sentences,
    parse_seeds,
    recommended_methods,
)
from lwal_core.jobs import cancel
from lwal_core.jobs.worker_heartbeat import WorkerHeartbeat, admission_folder
from lwal_core.runs import list_runs, open_run
from tests.app.conftest import text_of as shown

KINDS = (
    "button",
    "number_input",
    "text_input",
    "selectbox",
    "pills",
    "segmented_control",
    "toggle",
    "checkbox",
    "slider",
)
"""Controls, by what AppTest calls them."""


def text_of(at: AppTest) -> str:
    return shown(at).replace("\\", "")


def take_source(at, source):
    """Take a data set from the folded part."""
    at.session_state["train_more_sources"] = True
    at.run()
    at.radio(key="train_other_source").set_value(source).run()
    assert not at.exception


def take_method(at, title):
    """Take a label method from the folded part, beside what is chosen."""
    at.session_state["train_more_methods"] = True
    at.run()
    at.checkbox(key=f"train_method_{title}").check().run()
    assert not at.exception


def start(at):
    return next(b for b in at.button if b.key == "train_start")


class TestForm:
    def test_every_method_with_every_seed(self):
        configs = configurations(FormValues(methods=("One-hot", "LwAL10"), seeds="1, 2 3"))
        assert [(c.method_label(), c.training.seed) for c in configs] == [
            ("One-hot", 1), ("One-hot", 2), ("One-hot", 3), ("LwAL10", 1), ("LwAL10", 2), ("LwAL10", 3),
        ]  # fmt: skip

    @pytest.mark.parametrize("text", ["", " , ", "1.5", "-3", "one", "1e3", "٣", "99999999999"])
    def test_seeds_that_are_none(self, text):
        with pytest.raises(ConfigError, match="seed"):
            parse_seeds(text)

    def test_seeds_are_taken_once(self):
        assert parse_seeds("3 1;3,2") == [3, 1, 2]

    def test_all_problems_at_once(self):
        form = FormValues(source="folder:", methods=(), seeds="x", training={"epochs": 0, "device": "gpu"})
        with pytest.raises(ConfigError) as caught:
            configurations(form)
        assert {where for where, _ in caught.value.problems} == {
            "data.path", "method.name", "training.seed", "training.epochs", "training.device",
        }  # fmt: skip

    def test_too_many_runs(self):
        with pytest.raises(ConfigError, match="too many"):
            configurations(FormValues(seeds=" ".join(map(str, range(40)))))

    def test_what_a_hub_data_set_is_asked_goes_with_no_other(self):
        form = FormValues(source="hf-data:", path="org/name", data={"subset": "", "label_column": "fine"})
        assert configurations(form)[0].data.label_column == "fine" and configurations(form)[0].data.subset is None
        assert "--dataset hf-data:org/name --label-column fine " in command_lines(configurations(form))
        assert {option.name for option in hub_options()} == {"subset", "image_column", "label_column"}
        assert not {option.name for option in hub_options()} & {option.name for option in image_options()}

    def test_label_options_do_not_reach_onehot(self):
        configs = configurations(FormValues(methods=("One-hot", "LwAL"), seeds="1", labels={"push_weight": 1.0}))
        assert configs[0].method_label() == "One-hot"
        assert configs[1].method_label() == "LwAL, push 1"

    def test_command_line_gives_the_same_configurations(self):
        """Parsed back by the real command line, up to the point where it would train."""
        import shlex

        from typer.testing import CliRunner

        from lwal_core.cli import progress
        from lwal_core.cli.main import app

        assert progress  # imported before the patch below: it would keep what it imports from there for good

        form = FormValues(
            methods=("One-hot", "LwAL10"), seeds="1 2", labels={"push_weight": 1.0, "leave_one_out": True, "decay": 0.5},
            training={"epochs": 3, "batch_size": 32, "learning_rate": 0.01},
        )  # fmt: skip
        wanted = configurations(form)
        seen = []
        for line in command_lines(wanted).splitlines():
            words = shlex.split(line)
            assert words[0] == "lwal"
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("lwal_core.runs.create_run", lambda config, **_: seen.append(config))
                patch.setattr("lwal_core.jobs.submit", lambda run, priority: None)
                CliRunner().invoke(app, [*words[1:], "--no-wait"])
        assert [c.to_dict() for c in seen] == [c.to_dict() for c in wanted]


@pytest.fixture
def worker(home):
    """A worker of this test's home, ended with its training."""
    from lwal_core.jobs.worker import Worker

    stop = threading.Event()
    working = Worker(home)
    thread = threading.Thread(target=working.run, args=(stop.is_set,))
    thread.start()
    yield working
    stop.set()
    thread.join(60)
    assert not thread.is_alive()


class TestPage:
    def test_first_view_says_what_it_will_do(self, open_page):
        at = open_page("train")
        assert start(at).label == "Start 6 trainings"
        assert not start(at).disabled
        folded = {child.key for part in at.expander for kind in KINDS for child in part.get(kind)}
        controls = [each.key for kind in KINDS for each in at.get(kind) if each.key not in folded]
        assert sorted(map(str, controls)) == [
            "train_epochs", "train_kind", "train_methods", "train_seeds", "train_source", "train_start"
        ]  # fmt: skip
        assert "lwal train --dataset digits --method onehot" in at.code[0].value
        assert not at.error

    def test_a_few_sources_and_methods_are_in_view_and_the_others_folded_with_a_sentence_each(self, open_page):
        at = open_page("train")
        assert at.segmented_control(key="train_source").options == ["Your images", "Digits", "Shapes", "Pictograms"]
        assert at.pills(key="train_methods").options == list(recommended_methods())
        told = text_of(at)
        assert all(f"**{title}** {when}" in told for title, when in recommended_methods().items())
        at.session_state["train_more_sources"] = at.session_state["train_more_methods"] = True
        at.run()
        assert not at.exception
        assert set(at.radio(key="train_other_source").options) == {SOURCES[name] for name in MORE_SOURCES}
        folded = {title: said for title, said in method_sentences().items() if title not in recommended_methods()}
        boxes = [box.label.replace("\\", "") for box in at.checkbox if str(box.key).startswith("train_method_")]
        assert boxes == [f"**{title}** {said}" for title, said in folded.items()] and len(boxes) == 17

    def test_what_is_taken_from_a_folded_part_stands_beside_the_usual_and_stays_when_let_go(self, open_page):
        at = open_page("train")
        take_method(at, "SupCon")
        assert at.session_state["train_methods"] == ["One-hot", "lwal-plus", "SupCon"]
        assert at.pills(key="train_methods").options == [*recommended_methods(), "SupCon"]
        assert start(at).label == "Start 9 trainings"
        at.pills(key="train_methods").set_value(["SupCon"]).run()
        assert start(at).label == "Start 3 trainings" and at.checkbox(key="train_method_SupCon").value
        at.checkbox(key="train_method_SupCon").uncheck().run()
        assert at.session_state["train_methods"] == [] and "no method is chosen" in text_of(at).lower()
        assert "SupCon" in at.pills(key="train_methods").options
        take_source(at, "features:")
        assert at.session_state["train_source"] == "features:" and at.text_input(key="train_path").placeholder
        at.segmented_control(key="train_source").set_value("digits").run()
        assert not at.exception and at.radio(key="train_other_source").value is None
        assert at.segmented_control(key="train_source").options[-1] == "Feature file"

    @pytest.mark.parametrize(
        ("said", "source"),
        [("Hugging Face", "hf-data:"), ("Image folder", "folder:"), ("Your images", "folder:"), ("<b>x", "digits")],
    )
    def test_an_address_may_ask_for_what_is_folded_and_by_an_older_name(self, open_page, said, source):
        at = open_page("train", {"train_source": said, "train_methods": ["CPCC", "One-hot", "<b>"]})
        assert at.session_state["train_source"] == source
        assert at.session_state["train_methods"] == ["CPCC", "One-hot"]
        assert at.pills(key="train_methods").options == [*recommended_methods(), "CPCC"]

    def test_what_a_preset_filled_in_outlasts_what_was_sent_before_it_came(self, open_page):
        """The browser sends the whole form: pressed before the preset's answer, a control brings the old values along."""
        at = open_page("train")
        keys = ("train_methods", "train_epochs", "train_seeds")
        state = at.session_state
        old = [state[key] for key in keys]
        at.pills(key="train_preset").set_value("Quick look").run()
        new = [state[key] for key in keys]
        assert new[0] == ["LwAL"] and all(a != b for a, b in zip(old, new, strict=True))

        def send(methods, epochs, seeds):
            at.pills(key="train_methods").set_value(methods)
            at.number_input(key="train_epochs").set_value(epochs)
            at.text_input(key="train_seeds").set_value(seeds)
            at.run()
            assert not at.exception
            return [state[key] for key in keys]

        assert send(*old) == new  # a press elsewhere
        assert send(old[0], 77, old[2]) == [new[0], 77, new[2]]  # a control that the reader changed meanwhile
        assert send(new[0], 77, new[2]) == [new[0], 77, new[2]]  # now the browser has them,
        assert send(*old) == old  # and what is put back is put back

    def test_a_batch_in_chunks_is_said(self, open_page):
        at = open_page("train")
        at.number_input(key="train_chunk_size").set_value(16).run()
        assert "A batch of 64 goes through the encoder in 4 chunks of at most 16, twice each" in text_of(at)
        assert "--chunk-size 16" in at.code[0].value

    def test_a_data_set_of_the_hub_is_asked_for_subset_and_columns(self, open_page):
        at = open_page("train")
        take_source(at, "hf-data:")
        at.text_input(key="train_path").set_value("org/name").run()
        text = text_of(at)
        assert "neither in" in text or "datasets, which is not installed" in text  # where the extra is not
        at.text_input(key="train_label_column").set_value("fine").run()
        assert not at.exception and start(at).disabled
        at.segmented_control(key="train_source").set_value("digits").run()
        assert not start(at).disabled and "label-column" not in at.code[0].value

    def test_presets_fill_the_form(self, open_page):
        at = open_page("train")
        at.pills(key="train_preset").set_value("Quick look").run()
        assert not at.exception
        assert start(at).label == "Start 1 training"
        assert at.number_input(key="train_epochs").value == 5

    def test_lwal_plus_fills_in_its_label_options_and_the_next_choice_puts_them_back(self, open_page):
        def commands(choice: str) -> list[str]:
            at.pills(key="train_preset").set_value(choice).run()
            assert not at.exception
            return [line for line in at.code[0].value.splitlines() if "--method lwal" in line]

        at = open_page("train")
        (plus,) = commands("lwal-plus")
        assert "--dim 10x" in plus and "--push-weight 0" in plus and "--leave-one-out" in plus
        assert not any("push" in line or "leave" in line for line in commands("Fair comparison"))

    def test_the_sampler_asks_for_classes_and_samples_and_says_what_a_batch_has(self, open_page):
        at = open_page("train")
        assert (
            "64 samples, 6.4 of a class on average; 0.85 % of the classes have one or none"
            in at.table[1].value.to_string()
        )
        at.number_input(key="train_batch_size").set_value(8).run()
        assert "Learned labels need several samples of a class in a batch" in text_of(at)
        at.selectbox(key="train_sampler").set_value("balanced").run()
        assert not at.exception and not at.error
        assert "train_batch_size" not in {control.key for control in at.number_input}
        assert "Learned labels need several samples" not in text_of(at)
        at.number_input(key="train_samples_per_class").set_value(3).run()
        assert "--sampler balanced --samples-per-class 3" in at.code[0].value
        assert "24 samples, 3 of each of 8 classes" in at.table[1].value.to_string()
        at.number_input(key="train_classes_per_batch").set_value(20).run()
        assert len(at.error) == 1 and "A batch is to have 20 classes, and the data has 10" in text_of(at)
        assert start(at).disabled

    def test_a_share_for_validation_is_set_apart_and_said(self, open_page):
        at = open_page("train")
        assert "validation" not in at.table[0].value.to_string()
        at.number_input(key="train_validation").set_value(0.1).run()
        assert (
            not at.exception and "1,293 training, 145 validation and 359 test images" in at.table[0].value.to_string()
        )
        assert "--validation 0.1" in at.code[0].value

    def test_errors_stand_beside_their_field_and_nothing_starts(self, open_page):
        at = open_page("train")
        at.text_input(key="train_seeds").set_value("twelve").run()
        assert not at.exception
        assert "is no seed" in at.error[0].value
        assert start(at).disabled
        assert list_runs() == []

    def test_a_device_that_no_worker_has_is_refused_and_an_unknown_one_is_noted(self, open_page, home, monkeypatch):
        at = open_page("train", {"train_device": "cuda:7"})
        assert "no machine that trains has said so" in text_of(at) and not start(at).disabled
        line = admission_folder(home)
        line.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
        WorkerHeartbeat(line, 1).beat()
        at = open_page("train", {"train_device": "cuda:7"})
        assert "No machine that would train this has cuda:7 (found: cuda:0)" in text_of(at) and start(at).disabled
        assert not list_runs()

    def test_devices_are_those_of_the_machines_that_train(self, open_page, home, monkeypatch):
        line = admission_folder(home)
        line.mkdir(parents=True, exist_ok=True)
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
        WorkerHeartbeat(line, 1).beat()
        assert open_page("train").selectbox(key="train_device").options == ["auto", "cpu", "cuda:0", "cuda:1"]

    @pytest.mark.parametrize("method", ["CPCC", "Static, taxonomy labels"])
    def test_a_method_that_is_told_a_taxonomy_is_refused_where_none_fits(self, open_page, method):
        at = open_page("train")
        take_method(at, method)
        assert "no taxonomy fits these classes" in text_of(at) and start(at).disabled
        at.segmented_control(key="train_source").set_value("shapes").run()
        assert "no taxonomy fits" not in text_of(at) and not start(at).disabled

    def test_what_the_data_holds_is_seen_before_anything_starts(self, open_page):
        at = open_page("train")
        seen = at.dataframe[0].value
        assert seen["Class"].tolist() == list("0123456789") and all(seen["Pictures"].str.startswith("data:image/png"))
        assert seen["Training"].sum() == 1438 and "1,438 training" in at.table[0].value.to_string()

    def test_weight_decay_and_schedule_reach_the_run(self, open_page):
        at = open_page("train")
        at.number_input(key="train_weight_decay").set_value(0.01).run()
        at.selectbox(key="train_schedule").set_value("cosine").run()
        assert "--weight-decay 0.01 --schedule cosine" in at.code[0].value and not start(at).disabled

    def test_missing_folder(self, open_page):
        at = open_page("train")
        at.segmented_control(key="train_source").set_value("folder:").run()
        assert "No path is given" in text_of(at)
        at.text_input(key="train_path").set_value("/no/such/folder").run()
        assert not at.exception
        assert "/no/such/folder" in text_of(at)
        assert start(at).disabled

    @pytest.mark.process
    def test_training_runs_in_its_own_process_and_another_browser_sees_it(self, open_page, worker):
        at = open_page("train")
        at.pills(key="train_preset").set_value("Quick look").run()
        at.number_input(key="train_epochs").set_value(2).run()
        start(at).click().run()
        assert not at.exception
        (summary,) = list_runs()
        other = open_page("train")
        deadline = time.monotonic() + 120
        while list_runs()[0].active:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        at.run()
        assert not at.exception
        run = open_run(summary.id)
        assert run.status == "done"
        assert run.record.owner is not None and run.record.owner.pid != os.getpid()
        assert "test accuracy" in text_of(at)
        other.run()
        assert not other.exception

    @pytest.mark.process
    def test_cancel_and_resume(self, open_page, worker):
        at = open_page("train")
        at.pills(key="train_preset").set_value("Quick look").run()
        at.number_input(key="train_epochs").set_value(5_000).run()
        start(at).click().run()
        (summary,) = list_runs()
        deadline = time.monotonic() + 120
        while open_run(summary.id).metrics().epochs_done < 1:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        at.run()
        button = next(b for b in at.button if b.label == "Cancel")
        button.click().run()
        assert not at.exception
        while open_run(summary.id).active:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        run = open_run(summary.id)
        assert run.status == "cancelled"
        at.run()
        next(b for b in at.button if b.label == "Resume").click().run()
        assert not at.exception
        while open_run(summary.id).status != "running":
            assert time.monotonic() < deadline
            time.sleep(0.2)
        assert [c.status for c in open_run(summary.id).record.history][-2:] == ["queued", "running"]

    def test_without_a_worker_it_says_what_is_missing_and_where_each_run_stands(self, open_page):
        at = open_page("train")
        at.text_input(key="train_seeds").set_value("1 2").run()
        start(at).click().run()
        assert not at.exception
        assert "no worker is there" in text_of(at)
        assert [run.status for run in list_runs()] == ["queued"] * 4
        cancelling = [b for b in at.button if b.label == "Cancel"]
        assert len(cancelling) == 4
        cancelling[0].click().run()
        assert sorted(run.status for run in list_runs()) == ["cancelled", *["queued"] * 3]

    def test_a_failed_run_shows_its_reason(self, open_page, make_run):
        run = make_run(status="running")
        from lwal_core.runs import RunWriter

        RunWriter(run.path).take()
        at = open_page("train")
        assert "Running now" in text_of(at)
        writer = RunWriter(run.path)
        writer.update(error="The loss stopped being a finite number.")
        writer.move_to("failed", "x")
        at.run()
        assert not at.exception
        assert "stopped being a finite number" in text_of(at)
        with pytest.raises(Exception, match="nothing to cancel"):
            cancel(open_run(run.id))

    def test_data_sets_that_can_be_fetched_are_offered_and_it_says_that_they_will_be_fetched(self, open_page):
        at = open_page("train")
        take_source(at, "download")
        assert at.selectbox(key="train_download").options == list(DOWNLOADS.values())
        assert at.selectbox(key="train_encoder").options == [
            *ENCODER_TITLES.values(),
            "Another backbone, of timm or Hugging Face",
        ]
        assert "download" in text_of(at).lower()

    def test_contradictions_are_shown_and_nothing_starts(self, open_page):
        at = open_page("train")
        at.session_state["train_source"] = "shapes"
        at.session_state["train_augment"] = "trivial"
        at.session_state["train_encoder"] = "frozen:resnet18"
        at.run()
        assert not at.exception
        assert any("sees each image once" in error.value for error in at.error)
        assert at.button(key="train_start").disabled


class TestBackbones:
    def test_a_written_name_brings_its_options_and_trains_as_the_command_line_would(self, open_page):
        at = open_page("train")
        assert not any(each.key == "train_weights" for each in at.text_input)  # nothing of it for the small encoders
        at.session_state["train_encoder"] = "library"
        at.session_state["train_backbone"] = "timm:resnet10t"
        at.run()
        assert not at.exception
        at.text_input(key="train_weights").set_value("random")
        at.selectbox(key="train_freeze").set_value("stem")
        at.number_input(key="train_head_rate").set_value(10.0)
        at.number_input(key="train_ema_decay").set_value(0.999).run()
        assert not at.exception
        said = " ".join(each.value for each in at.code)
        assert "--encoder timm:resnet10t" in said and "--no-pretrained" in said and "--freeze stem" in said
        assert "--head-rate 10" in said and "--ema-decay 0.999" in said
        at.button(key="train_start").click().run()
        assert not at.exception
        config = open_run(list_runs()[0].id).config
        assert (config.encoder.name, config.encoder.pretrained, config.encoder.freeze) == (
            "timm:resnet10t",
            False,
            "stem",
        )
        assert (config.training.head_rate, config.training.ema_decay, config.training.layer_decay) == (10.0, 0.999, 1.0)

    @pytest.mark.parametrize("name", ["timm:../x", "hf:a/../b", "resnet 18", "<b>timm:</b>"])
    def test_a_name_that_is_none_is_said_beside_the_control(self, open_page, name):
        at = open_page("train")
        at.session_state["train_encoder"] = "library"
        at.session_state["train_backbone"] = name
        at.run()
        assert not at.exception
        assert len(at.error) == 1 and at.button(key="train_start").disabled

    def test_a_frozen_one_is_not_asked_what_does_not_apply(self, open_page):
        at = open_page("train")
        at.session_state["train_encoder"] = "library"
        at.session_state["train_backbone"] = "frozen:hf:google/vit-base-patch16-224"
        at.run()
        assert not at.exception and not at.error
        assert at.number_input(key="train_input_size").value is None
        assert not any(each.key == "train_freeze" for each in at.selectbox)

    def test_a_table_of_images_says_what_is_in_it_and_that_it_is_streamed(self, open_page, tmp_path, monkeypatch):
        monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
        for name in ("a.png", "b.png", "c.png", "d.png"):
            (tmp_path / name).write_bytes(b"looked at by the training alone")
        (tmp_path / "t.csv").write_text("path,label\na.png,cat\nb.png,cat\nc.png,dog\nd.png,dog\n")
        at = open_page("train")
        take_source(at, "table:")
        at.session_state["train_path"] = str(tmp_path / "t.csv")
        at.session_state["train_augment"] = "random_resized_crop"
        at.session_state["train_fit"] = "pad"
        at.run()
        assert not at.exception and not at.error
        assert "streamed from their files" in text_of(at) and "2" in text_of(at)
        assert any("--augment random_resized_crop" in block.value and "--fit pad" in block.value for block in at.code)


class TestActions:
    def test_rename_tag_archive_delete_and_restore(self, open_page, make_run):
        run = make_run(name="first")
        at = open_page("train")
        at.session_state["manage_runs"] = True
        at.run()
        key = f"manage_{run.id}"
        at.text_input(key=f"change_name_{key}").set_value("second")
        at.text_input(key=f"change_tags_{key}").set_value("a, b,, a").run()
        at.button(key=f"change_keep_{key}").click().run()
        assert not at.exception
        assert open_run(run.id).record.name == "second" and open_run(run.id).record.tags == ["a", "b"]
        next(b for b in at.button if b.label == "Train again").click().run()
        assert not at.exception
        copies = [r for r in list_runs() if r.id != run.id]
        assert [(r.status, r.name) for r in copies] == [("queued", "second")]
        assert open_run(copies[0].id).record.made_from == run.id
        at.selectbox(key="manage_run").set_value(run.id).run()
        at.button(key=f"change_archive_{key}").click().run()
        assert open_run(run.id).record.archived
        at.button(key=f"change_delete_{key}").click().run()
        assert not at.exception
        assert [r.id for r in list_runs()] == [copies[0].id]
        at.button(key="bin_restore").click().run()
        assert not at.exception
        assert open_run(run.id).record.name == "second"
