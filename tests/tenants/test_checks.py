"""What `manage.py check` says of keys and of the object store's identities."""

from pathlib import Path

from pytest_django import Settings

from tenants.checks import check_identities, check_master_key


def test_the_master_key_is_looked_for(settings: Settings, tmp_path: Path) -> None:
    assert check_master_key() == []
    for path, said in ((str(tmp_path / "gone"), "cannot be read"), ("", "No master key is named")):
        settings.MASTER_KEY_FILE = path
        [found] = check_master_key()
        assert found.id == "tenants.E001"
        assert said in found.msg
    (tmp_path / "bad").write_text("AGE-SECRET-KEY-1XYZ")
    settings.MASTER_KEY_FILE = str(tmp_path / "bad")
    assert "XYZ" not in check_master_key()[0].msg
    settings.FROSTBYTE_HOME, settings.MASTER_KEY_FILE = tmp_path, str(tmp_path / "master-key.txt")
    assert check_master_key() == []


def test_one_credential_for_all_is_warned_of(settings: Settings) -> None:
    assert check_identities() == []
    settings.S3_IDENTITIES = "none"
    assert [found.id for found in check_identities()] == ["tenants.W001"]
