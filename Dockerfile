# The dashboard with local training. The worker for RunPod has an image of its own.
FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY app.py ./
COPY .streamlit .streamlit
COPY pages pages
COPY hpo_core hpo_core
COPY runpod_service runpod_service
COPY datasets datasets
COPY storage storage
ENV ONEGIN_RESULTS_DIR=/results
VOLUME /results
EXPOSE 8501
CMD ["streamlit", "run", "app.py", "--server.address", "0.0.0.0", "--server.headless", "true"]
