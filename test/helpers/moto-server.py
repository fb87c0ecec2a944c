"""S3 by moto, for tests: moto-server.py FOLDER. The files below the folder become objects of the bucket "pics"; "vectors" is empty.
Prints its address and keys as one line of JSON. From then on every request needs a right signature of these keys, unless FOLDER is
followed by "open". Ends when its standard input does."""

import json
import os
import sys

import boto3
from moto import settings
from moto.server import ThreadedMotoServer

folder = sys.argv[1]
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
endpoint = "http://%s:%d" % server.get_host_and_port()


def client(service):
    return boto3.client(
        service, endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


s3 = client("s3")
for bucket in ["pics", "vectors"]:
    s3.create_bucket(Bucket=bucket)
for where, _, names in os.walk(folder):
    for name in names:
        file = os.path.join(where, name)
        s3.upload_file(file, "pics", os.path.relpath(file, folder))

iam = client("iam")
iam.create_user(UserName="tester")
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
iam.put_user_policy(UserName="tester", PolicyName="everything", PolicyDocument=json.dumps(everything))
key = iam.create_access_key(UserName="tester")["AccessKey"]
if sys.argv[2:] != ["open"]:
    settings.INITIAL_NO_AUTH_ACTION_COUNT = 0
print(
    json.dumps({"endpoint": endpoint, "accessKeyId": key["AccessKeyId"], "secretAccessKey": key["SecretAccessKey"]}),
    flush=True,
)
sys.stdin.read()
server.stop()
