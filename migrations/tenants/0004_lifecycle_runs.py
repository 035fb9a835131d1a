import django.db.models.deletion
import django.utils.timezone
import frostbyte.kernel.ids
from django.db import migrations, models


def keep_recorded_steps(apps, schema_editor):
    """Put the steps of each tenant's set-up, recorded singly before, into a run of their own."""
    run_model = apps.get_model("tenants", "LifecycleRun")
    step_model = apps.get_model("tenants", "LifecycleStep")
    for tenant in apps.get_model("tenants", "Tenant").objects.all():
        steps = list(tenant.provisioning_steps.order_by("at"))
        if not steps:
            continue
        run = run_model.objects.create(
            tenant=tenant,
            kind="provision",
            actor="unknown",
            state="done" if tenant.state in {"ACTIVE", "SUSPENDED"} else "failed",
            started_at=tenant.created_at,
            finished_at=steps[-1].at,
        )
        step_model.objects.bulk_create(
            step_model(
                run=run, name=step.name, action="make", state=step.state,
                error_code=step.error_code, duration_ms=step.duration_ms, at=step.at,
            )
            for step in steps
        )


class Migration(migrations.Migration):

    dependencies = [
        ('tenants', '0003_platform_key'),
    ]

    operations = [
        migrations.CreateModel(
            name='LifecycleRun',
            fields=[
                ('id', models.UUIDField(default=frostbyte.kernel.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('provision', 'Provision'), ('deprovision', 'Deprovision')], max_length=12)),
                ('attempt', models.PositiveSmallIntegerField(default=1)),
                ('actor', models.CharField(max_length=200)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('interrupted', 'Interrupted')], default='running', max_length=12)),
                ('started_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('tenant', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lifecycle_runs', to='tenants.tenant')),
            ],
            options={
                'ordering': ['started_at', 'id'],
            },
        ),
        migrations.CreateModel(
            name='LifecycleStep',
            fields=[
                ('id', models.UUIDField(default=frostbyte.kernel.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=40)),
                ('action', models.CharField(choices=[('make', 'Make'), ('check', 'Check'), ('undo', 'Undo'), ('remove', 'Remove')], max_length=8)),
                ('state', models.CharField(choices=[('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('interrupted', 'Interrupted')], max_length=12)),
                ('error_code', models.CharField(blank=True, max_length=60)),
                ('details', models.JSONField(blank=True, default=dict)),
                ('duration_ms', models.PositiveIntegerField(default=0)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('run', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='steps', to='tenants.lifecyclerun')),
            ],
            options={
                'ordering': ['at', 'id'],
            },
        ),
        migrations.AddConstraint(
            model_name='lifecyclerun',
            constraint=models.UniqueConstraint(fields=('tenant', 'kind', 'attempt'), name='one_run_an_attempt'),
        ),
        migrations.RunPython(keep_recorded_steps, migrations.RunPython.noop),
        migrations.DeleteModel(
            name='ProvisioningStep',
        ),
    ]
