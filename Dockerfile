# The application, without the embedded servers; see compose.yaml.
FROM python:3.11-slim-bookworm AS build
WORKDIR /build
COPY requirements/ requirements/
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check \
        --constraint requirements/constraints.txt --requirement requirements/prod.txt

FROM python:3.11-slim-bookworm
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --home-dir /var/lib/frostbyte --create-home frostbyte
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY . .
RUN DJANGO_SETTINGS_MODULE=frostbyte.settings.prod FROSTBYTE_SECRET_KEY=only-for-the-build \
    python manage.py collectstatic --noinput
USER frostbyte
EXPOSE 8000
CMD ["python", "-m", "uvicorn", "frostbyte.asgi:application", "--host=0.0.0.0", "--port=8000", "--lifespan=off", "--no-access-log", "--no-proxy-headers"]
