from django.db import migrations


class Migration(migrations.Migration):
    initial = True
    operations = [migrations.RunSQL("CREATE TABLE bench_note (id int)", "DROP TABLE bench_note")]
