"""The simulated operations and members; the rest of the listed services is rejected.

A member stands for everything below the member: ``Environment`` for ``Environment.Variables``. ``Member=a|b``
simulates only the listed values. Services have the names of the credential scope.
"""

from __future__ import annotations

_OF_S3_DESTINATION = """
    RoleARN BucketARN Prefix ErrorOutputPrefix BufferingHints CompressionFormat EncryptionConfiguration
    CloudWatchLoggingOptions
"""
_OF_EXTENDED_DESTINATION = f"""
    {_OF_S3_DESTINATION} ProcessingConfiguration S3BackupMode
    FileExtension
    CustomTimeZone
"""
_OF_FUNCTION = """
    FunctionName Runtime Role Handler Description Timeout MemorySize Environment KMSKeyArn TracingConfig
    EphemeralStorage SnapStart.ApplyOn=None LoggingConfig
"""
_OF_S3_UPLOAD = """
    ContentType ContentEncoding ContentDisposition ContentLanguage CacheControl Expires Metadata Tagging
    StorageClass ServerSideEncryption SSEKMSKeyId BucketKeyEnabled ACL=private|bucket-owner-full-control
"""
_OF_S3_READ = """
    VersionId Range PartNumber IfMatch IfNoneMatch IfModifiedSince IfUnmodifiedSince ChecksumMode
    ResponseCacheControl ResponseContentDisposition ResponseContentEncoding ResponseContentLanguage
    ResponseContentType ResponseExpires
"""
_OF_METHOD = "restApiId resourceId httpMethod"
_OF_STACK = "StackName TemplateBody Parameters Capabilities Tags"


_OF_LIFECYCLE_RULE = """
    ID Prefix Status Filter.Prefix Filter.Tag Filter.And.Prefix Filter.And.Tags Expiration Transitions
    NoncurrentVersionTransitions NoncurrentVersionExpiration.NoncurrentDays AbortIncompleteMultipartUpload
"""


def _below(prefix: str, members: str) -> str:
    return " ".join(f"{prefix}.{member}" for member in members.split())


_OF_RESULTS = "OutputLocation ExpectedBucketOwner"
_OF_WORKGROUP = f"""
    {_below("ResultConfiguration", _OF_RESULTS)} EnforceWorkGroupConfiguration BytesScannedCutoffPerQuery
    PublishCloudWatchMetricsEnabled EngineVersion.SelectedEngineVersion
"""
_OF_DATABASE = "CatalogId DatabaseInput.Name DatabaseInput.Description DatabaseInput.Parameters"
_OF_TABLE = f"""
    CatalogId DatabaseName {
    _below(
        "TableInput",
        "Name Description Owner Retention TableType Parameters PartitionKeys.Name PartitionKeys.Type "
        "PartitionKeys.Comment "
        + _below(
            "StorageDescriptor",
            "Columns.Name Columns.Type Columns.Comment Location InputFormat OutputFormat "
            "SerdeInfo.SerializationLibrary SerdeInfo.Parameters",
        ),
    )
}
"""


OPERATIONS: dict[str, dict[str, str]] = {
    "apigateway": {
        "CreateBasePathMapping": "domainName basePath restApiId stage",
        "CreateDomainName": """
            domainName regionalCertificateArn endpointConfiguration.types=REGIONAL securityPolicy=TLS_1_2
            tags routingMode=BASE_PATH_MAPPING_ONLY
        """,
        "CreateDeployment": """
            restApiId stageName stageDescription description variables tracingEnabled
            canarySettings.percentTraffic=0|0.0
        """,
        "CreateModel": "restApiId name description schema contentType",
        "CreateRequestValidator": "restApiId name validateRequestBody validateRequestParameters",
        "CreateResource": "restApiId parentId pathPart",
        "CreateRestApi": """
            name description version binaryMediaTypes minimumCompressionSize apiKeySource policy tags
            endpointConfiguration.types endpointConfiguration.ipAddressType disableExecuteApiEndpoint
        """,
        "CreateStage": """
            restApiId stageName deploymentId description variables tracingEnabled tags
            canarySettings.percentTraffic=0|0.0 canarySettings.deploymentId
        """,
        "DeleteBasePathMapping": "domainName basePath",
        "DeleteDeployment": "restApiId deploymentId",
        "DeleteDomainName": "domainName",
        "DeleteGatewayResponse": "restApiId responseType",
        "DeleteIntegration": _OF_METHOD,
        "DeleteIntegrationResponse": f"{_OF_METHOD} statusCode",
        "DeleteMethod": _OF_METHOD,
        "DeleteMethodResponse": f"{_OF_METHOD} statusCode",
        "DeleteModel": "restApiId modelName",
        "DeleteRequestValidator": "restApiId requestValidatorId",
        "DeleteResource": "restApiId resourceId",
        "DeleteRestApi": "restApiId",
        "DeleteStage": "restApiId stageName",
        "GetAccount": "",
        "GetBasePathMapping": "domainName basePath",
        "GetBasePathMappings": "domainName position limit",
        "GetDeployment": "restApiId deploymentId embed",
        "GetDeployments": "restApiId position limit",
        "GetDomainName": "domainName",
        "GetExport": "restApiId stageName exportType parameters accepts",
        "GetGatewayResponse": "restApiId responseType",
        "GetGatewayResponses": "restApiId position limit",
        "GetIntegration": _OF_METHOD,
        "GetIntegrationResponse": f"{_OF_METHOD} statusCode",
        "GetMethod": _OF_METHOD,
        "GetMethodResponse": f"{_OF_METHOD} statusCode",
        "GetModel": "restApiId modelName",
        "GetModels": "restApiId position limit",
        "GetRequestValidator": "restApiId requestValidatorId",
        "GetRequestValidators": "restApiId position limit",
        "GetResource": "restApiId resourceId embed",
        "GetResources": "restApiId position limit embed",
        "GetRestApi": "restApiId",
        "GetRestApis": "position limit",
        "GetStage": "restApiId stageName",
        "GetStages": "restApiId deploymentId",
        "GetTags": "resourceArn",
        "ImportRestApi": "failOnWarnings parameters body",
        "PutGatewayResponse": "restApiId responseType statusCode responseParameters responseTemplates",
        "PutIntegration": f"""
            {_OF_METHOD} type integrationHttpMethod uri credentials requestParameters requestTemplates
            passthroughBehavior contentHandling timeoutInMillis connectionType=INTERNET
            responseTransferMode=BUFFERED cacheNamespace
        """,
        "PutIntegrationResponse": f"""
            {_OF_METHOD} statusCode selectionPattern responseParameters responseTemplates
            contentHandling
        """,
        "PutMethod": f"""
            {_OF_METHOD} authorizationType apiKeyRequired operationName requestParameters requestModels
            requestValidatorId
        """,
        "PutMethodResponse": f"{_OF_METHOD} statusCode responseParameters responseModels",
        "PutRestApi": "restApiId mode failOnWarnings parameters body",
        "TagResource": "resourceArn tags",
        "TestInvokeMethod": f"""
            {_OF_METHOD} pathWithQueryString body headers multiValueHeaders stageVariables
        """,
        "UntagResource": "resourceArn tagKeys",
        "UpdateAccount": "patchOperations",
        "UpdateBasePathMapping": "domainName basePath patchOperations",
        "UpdateDomainName": "domainName patchOperations",
        "UpdateDeployment": "restApiId deploymentId patchOperations",
        "UpdateGatewayResponse": "restApiId responseType patchOperations",
        "UpdateIntegration": f"{_OF_METHOD} patchOperations",
        "UpdateIntegrationResponse": f"{_OF_METHOD} statusCode patchOperations",
        "UpdateMethod": f"{_OF_METHOD} patchOperations",
        "UpdateMethodResponse": f"{_OF_METHOD} statusCode patchOperations",
        "UpdateModel": "restApiId modelName patchOperations",
        "UpdateRequestValidator": "restApiId requestValidatorId patchOperations",
        "UpdateResource": "restApiId resourceId patchOperations",
        "UpdateRestApi": "restApiId patchOperations",
        "UpdateStage": "restApiId stageName patchOperations",
    },
    "athena": {
        "CreateWorkGroup": f"Name Description Tags {_below('Configuration', _OF_WORKGROUP)}",
        "DeleteWorkGroup": "WorkGroup RecursiveDeleteOption",
        "GetQueryExecution": "QueryExecutionId",
        "GetQueryResults": "QueryExecutionId NextToken MaxResults",
        "GetWorkGroup": "WorkGroup",
        "ListQueryExecutions": "WorkGroup NextToken MaxResults",
        "ListTagsForResource": "ResourceARN NextToken MaxResults",
        "ListWorkGroups": "NextToken MaxResults",
        "StartQueryExecution": f"""
            QueryString ClientRequestToken QueryExecutionContext.Database
            QueryExecutionContext.Catalog=AwsDataCatalog|awsdatacatalog WorkGroup
            {_below("ResultConfiguration", _OF_RESULTS)}
        """,
        "StopQueryExecution": "QueryExecutionId",
        "TagResource": "ResourceARN Tags",
        "UntagResource": "ResourceARN TagKeys",
        "UpdateWorkGroup": f"""
            WorkGroup Description State {
            _below(
                "ConfigurationUpdates",
                _OF_WORKGROUP.replace("ResultConfiguration", "ResultConfigurationUpdates")
                + "RemoveBytesScannedCutoffPerQuery "
                + _below("ResultConfigurationUpdates", "RemoveOutputLocation RemoveExpectedBucketOwner"),
            )
        }
        """,
    },
    "cloudformation": {
        "CreateChangeSet": f"{_OF_STACK} ChangeSetName ChangeSetType Description",
        "CreateStack": f"{_OF_STACK} ClientRequestToken DisableRollback",
        "DeleteChangeSet": "ChangeSetName StackName",
        "DeleteStack": "StackName ClientRequestToken",
        "DescribeChangeSet": "ChangeSetName StackName NextToken",
        "DescribeStackEvents": "StackName NextToken",
        "DescribeStackResource": "StackName LogicalResourceId",
        "DescribeStackResources": "StackName LogicalResourceId PhysicalResourceId",
        "DescribeStacks": "StackName NextToken",
        "ExecuteChangeSet": "ChangeSetName StackName ClientRequestToken DisableRollback",
        "GetTemplate": "StackName",
        "GetTemplateSummary": "TemplateBody StackName",
        "ListChangeSets": "StackName NextToken",
        "ListStackResources": "StackName NextToken",
        "ListStacks": "NextToken StackStatusFilter",
        "UpdateStack": f"{_OF_STACK} ClientRequestToken UsePreviousTemplate DisableRollback",
        "ValidateTemplate": "TemplateBody",
    },
    "codecommit": {
        "CreateCommit": """
            repositoryName branchName parentCommitId authorName email commitMessage putFiles.filePath
            putFiles.fileContent putFiles.fileMode=NORMAL deleteFiles
        """,
        "CreateRepository": "repositoryName repositoryDescription tags",
        "DeleteRepository": "repositoryName",
        "GetBranch": "repositoryName branchName",
        "GetCommit": "repositoryName commitId",
        "GetFile": "repositoryName commitSpecifier filePath",
        "GetFolder": "repositoryName commitSpecifier folderPath",
        "GetRepository": "repositoryName",
        "ListTagsForResource": "resourceArn",
    },
    "firehose": {
        "CreateDeliveryStream": f"""
            DeliveryStreamName DeliveryStreamType=DirectPut Tags
            DeliveryStreamEncryptionConfigurationInput {
            _below("S3DestinationConfiguration", _OF_S3_DESTINATION)
        } {_below("ExtendedS3DestinationConfiguration", f"{_OF_EXTENDED_DESTINATION} S3BackupConfiguration")}
        """,
        "DeleteDeliveryStream": "DeliveryStreamName AllowForceDelete",
        "DescribeDeliveryStream": "DeliveryStreamName Limit ExclusiveStartDestinationId",
        "ListDeliveryStreams": "Limit DeliveryStreamType ExclusiveStartDeliveryStreamName",
        "ListTagsForDeliveryStream": "DeliveryStreamName ExclusiveStartTagKey Limit",
        "StartDeliveryStreamEncryption": "DeliveryStreamName DeliveryStreamEncryptionConfigurationInput",
        "StopDeliveryStreamEncryption": "DeliveryStreamName",
        "TagDeliveryStream": "DeliveryStreamName Tags",
        "UntagDeliveryStream": "DeliveryStreamName TagKeys",
        "UpdateDestination": f"""
            DeliveryStreamName CurrentDeliveryStreamVersionId DestinationId
            {_below("S3DestinationUpdate", _OF_S3_DESTINATION)} {
            _below("ExtendedS3DestinationUpdate", f"{_OF_EXTENDED_DESTINATION} S3BackupUpdate")
        }
        """,
    },
    "glue": {
        "CreateDatabase": f"{_OF_DATABASE} Tags",
        "CreateTable": _OF_TABLE,
        "DeleteDatabase": "CatalogId Name",
        "DeleteTable": "CatalogId DatabaseName Name",
        "GetDatabase": "CatalogId Name",
        "GetDatabases": "CatalogId",
        "GetTable": "CatalogId DatabaseName Name",
        "GetTables": "CatalogId DatabaseName Expression",
        "GetTags": "ResourceArn",
        "TagResource": "ResourceArn TagsToAdd",
        "UntagResource": "ResourceArn TagsToRemove",
        "UpdateDatabase": f"{_OF_DATABASE} Name",
        "UpdateTable": f"{_OF_TABLE} SkipArchive",
    },
    "iam": {
        "AttachRolePolicy": "RoleName PolicyArn",
        "CreatePolicy": "PolicyName Path PolicyDocument Description Tags",
        "CreatePolicyVersion": "PolicyArn PolicyDocument SetAsDefault",
        "CreateRole": """
            Path RoleName AssumeRolePolicyDocument Description MaxSessionDuration PermissionsBoundary
            Tags
        """,
        "DeletePolicy": "PolicyArn",
        "DeletePolicyVersion": "PolicyArn VersionId",
        "DeleteRole": "RoleName",
        "DeleteRolePermissionsBoundary": "RoleName",
        "DeleteRolePolicy": "RoleName PolicyName",
        "DetachRolePolicy": "RoleName PolicyArn",
        "GetPolicy": "PolicyArn",
        "GetPolicyVersion": "PolicyArn VersionId",
        "GetRole": "RoleName",
        "GetRolePolicy": "RoleName PolicyName",
        "ListAttachedRolePolicies": "RoleName PathPrefix Marker MaxItems",
        "ListInstanceProfilesForRole": "RoleName Marker MaxItems",
        "ListPolicies": "Scope OnlyAttached PathPrefix Marker MaxItems",
        "ListPolicyVersions": "PolicyArn Marker MaxItems",
        "ListRolePolicies": "RoleName Marker MaxItems",
        "ListRoleTags": "RoleName Marker MaxItems",
        "ListRoles": "PathPrefix Marker MaxItems",
        "PutRolePermissionsBoundary": "RoleName PermissionsBoundary",
        "PutRolePolicy": "RoleName PolicyName PolicyDocument",
        "TagRole": "RoleName Tags",
        "UntagRole": "RoleName TagKeys",
        "UpdateAssumeRolePolicy": "RoleName PolicyDocument",
        "UpdateRole": "RoleName Description MaxSessionDuration",
        "UpdateRoleDescription": "RoleName Description",
    },
    "lambda": {
        "AddPermission": "FunctionName StatementId Action Principal SourceArn SourceAccount Qualifier",
        "CreateAlias": "FunctionName Name FunctionVersion Description",
        "CreateFunction": f"""
            {_OF_FUNCTION} Code.ZipFile Code.S3Bucket Code.S3Key
            Code.S3ObjectStorageMode=COPY Publish PackageType=Zip Tags Architectures
        """,
        "DeleteAlias": "FunctionName Name",
        "DeleteFunction": "FunctionName Qualifier",
        "DeleteFunctionConcurrency": "FunctionName",
        "GetAlias": "FunctionName Name",
        "GetFunction": "FunctionName Qualifier",
        "GetFunctionConcurrency": "FunctionName",
        "GetFunctionConfiguration": "FunctionName Qualifier",
        "GetPolicy": "FunctionName Qualifier",
        "Invoke": "FunctionName InvocationType LogType ClientContext Payload Qualifier",
        "ListAliases": "FunctionName FunctionVersion Marker MaxItems",
        "ListFunctions": "FunctionVersion",
        "ListTags": "Resource",
        "ListVersionsByFunction": "FunctionName Marker MaxItems",
        "PublishVersion": "FunctionName CodeSha256 Description RevisionId",
        "PutFunctionConcurrency": "FunctionName ReservedConcurrentExecutions",
        "RemovePermission": "FunctionName StatementId Qualifier",
        "TagResource": "Resource Tags",
        "UntagResource": "Resource TagKeys",
        "UpdateAlias": "FunctionName Name FunctionVersion Description RevisionId",
        "UpdateFunctionCode": """
            FunctionName ZipFile S3Bucket S3Key S3ObjectStorageMode=COPY Architectures
            Publish DryRun RevisionId
        """,
        "UpdateFunctionConfiguration": f"{_OF_FUNCTION} RevisionId",
    },
    "logs": {
        "CreateLogGroup": "logGroupName kmsKeyId tags logGroupClass=STANDARD",
        "CreateLogStream": "logGroupName logStreamName",
        "DeleteAccountPolicy": "policyName policyType=RETENTION_POLICY",
        "DeleteLogGroup": "logGroupName",
        "DeleteLogStream": "logGroupName logStreamName",
        "DeleteRetentionPolicy": "logGroupName",
        "DescribeLogGroups": "logGroupNamePrefix nextToken limit",
        "DescribeLogStreams": "logGroupName logStreamNamePrefix orderBy descending nextToken limit",
        "DescribeMetricFilters": "logGroupName filterNamePrefix nextToken",
        "FilterLogEvents": """
            logGroupName logStreamNames startTime endTime filterPattern nextToken limit interleaved
        """,
        "GetLogEvents": "logGroupName logStreamName startTime endTime nextToken limit startFromHead",
        "ListTagsForResource": "resourceArn",
        "ListTagsLogGroup": "logGroupName",
        "PutAccountPolicy": """
            policyName policyDocument policyType=RETENTION_POLICY scope=ALL selectionCriteria
        """,
        "PutMetricFilter": """
            logGroupName filterName filterPattern metricTransformations.metricName
            metricTransformations.metricNamespace metricTransformations.metricValue
        """,
        "PutLogEvents": "logGroupName logStreamName logEvents sequenceToken",
        "PutRetentionPolicy": "logGroupName retentionInDays",
        "TagLogGroup": "logGroupName tags",
        "TagResource": "resourceArn tags",
        "UntagLogGroup": "logGroupName tags",
        "UntagResource": "resourceArn tagKeys",
    },
    "monitoring": {
        "DeleteAlarms": "AlarmNames",
        "DescribeAlarms": "AlarmNames AlarmNamePrefix AlarmTypes=MetricAlarm StateValue NextToken",
        "ListTagsForResource": "ResourceARN",
        "PutMetricAlarm": """
            AlarmName AlarmDescription ActionsEnabled OKActions AlarmActions InsufficientDataActions Namespace
            MetricName Dimensions Period EvaluationPeriods DatapointsToAlarm Threshold Tags
            Metrics.Id Metrics.Expression Metrics.ReturnData Metrics.MetricStat.Metric
            Metrics.MetricStat.Period
            Metrics.MetricStat.Stat=SampleCount|Average|Sum|Minimum|Maximum
            Statistic=SampleCount|Average|Sum|Minimum|Maximum
            ComparisonOperator=GreaterThanOrEqualToThreshold|GreaterThanThreshold|LessThanThreshold|LessThanOrEqualToThreshold
            TreatMissingData=breaching|notBreaching|ignore|missing
        """,
        "TagResource": "ResourceARN Tags",
        "UntagResource": "ResourceARN TagKeys",
        "GetMetricData": "MetricDataQueries StartTime EndTime NextToken ScanBy",
        "GetMetricStatistics": "Namespace MetricName Dimensions StartTime EndTime Period Statistics Unit",
        "ListMetrics": "Namespace MetricName Dimensions NextToken",
        "PutMetricData": "Namespace MetricData",
    },
    "s3": {
        "AbortMultipartUpload": "UploadId",
        "CompleteMultipartUpload": "UploadId MultipartUpload IfNoneMatch ChecksumType",
        "CopyObject": f"""
            {_OF_S3_UPLOAD} CopySource CopySourceIfNoneMatch MetadataDirective TaggingDirective
        """,
        "CreateBucket": """
            ACL=private CreateBucketConfiguration.LocationConstraint CreateBucketConfiguration.Tags
            ObjectOwnership
        """,
        "CreateMultipartUpload": f"{_OF_S3_UPLOAD} ChecksumType",
        "DeleteBucket": "",
        "DeleteBucketEncryption": "",
        "DeleteBucketLifecycle": "",
        "DeleteBucketOwnershipControls": "",
        "DeleteBucketPolicy": "",
        "DeleteBucketTagging": "",
        "DeleteObject": "VersionId",
        "DeleteObjectTagging": "VersionId",
        "DeleteObjects": "Delete.Objects.Key Delete.Objects.VersionId Delete.Quiet",
        "DeletePublicAccessBlock": "",
        "GetBucketAccelerateConfiguration": "",
        "GetBucketAcl": "",
        "GetBucketCors": "",
        "GetBucketEncryption": "",
        "GetBucketLifecycleConfiguration": "",
        "GetBucketLocation": "",
        "GetBucketLogging": "",
        "GetBucketNotificationConfiguration": "",
        "GetBucketOwnershipControls": "",
        "GetBucketPolicy": "",
        "GetBucketReplication": "",
        "GetBucketTagging": "",
        "GetBucketVersioning": "",
        "GetBucketWebsite": "",
        "GetObject": _OF_S3_READ,
        "GetObjectLockConfiguration": "",
        "GetObjectTagging": "VersionId",
        "GetPublicAccessBlock": "",
        "HeadBucket": "",
        "HeadObject": _OF_S3_READ,
        "ListBuckets": "Prefix MaxBuckets ContinuationToken BucketRegion",
        "ListMultipartUploads": "Prefix Delimiter EncodingType KeyMarker MaxUploads UploadIdMarker",
        "ListObjectVersions": "Delimiter EncodingType KeyMarker MaxKeys Prefix VersionIdMarker",
        "ListObjects": "Delimiter EncodingType Marker MaxKeys Prefix",
        "ListObjectsV2": "Delimiter EncodingType MaxKeys Prefix ContinuationToken FetchOwner StartAfter",
        "ListParts": "UploadId MaxParts PartNumberMarker",
        "PutBucketAcl": "ACL AccessControlPolicy",
        "PutBucketEncryption": """
            ServerSideEncryptionConfiguration.Rules.ApplyServerSideEncryptionByDefault
            ServerSideEncryptionConfiguration.Rules.BucketKeyEnabled
        """,
        "PutBucketLifecycleConfiguration": _below("LifecycleConfiguration.Rules", _OF_LIFECYCLE_RULE),
        "PutBucketOwnershipControls": "OwnershipControls",
        "PutBucketPolicy": "Policy",
        "PutBucketTagging": "Tagging",
        "PutBucketVersioning": "VersioningConfiguration.Status",
        "PutObject": f"{_OF_S3_UPLOAD} Body ContentLength IfMatch IfNoneMatch",
        "PutObjectLegalHold": "VersionId LegalHold.Status",
        "PutObjectLockConfiguration": """
            ObjectLockConfiguration.ObjectLockEnabled=Enabled ObjectLockConfiguration.Rule.DefaultRetention
        """,
        "PutObjectRetention": "VersionId Retention.Mode Retention.RetainUntilDate",
        "PutObjectTagging": "VersionId Tagging",
        "PutPublicAccessBlock": "PublicAccessBlockConfiguration",
        "UploadPart": "PartNumber UploadId Body ContentLength",
        "UploadPartCopy": "PartNumber UploadId CopySource CopySourceRange",
    },
    "sns": {
        "CreateTopic": "Name Tags",
        "DeleteTopic": "TopicArn",
        "GetTopicAttributes": "TopicArn",
        "ListSubscriptionsByTopic": "TopicArn NextToken",
        "ListTagsForResource": "ResourceArn",
        "ListTopics": "NextToken",
        "Subscribe": "TopicArn Protocol=email Endpoint",
        "TagResource": "ResourceArn Tags",
        "Unsubscribe": "SubscriptionArn",
        "UntagResource": "ResourceArn TagKeys",
    },
    "sts": {"GetCallerIdentity": ""},
    "tagging": {
        "GetResources": "PaginationToken TagFilters ResourcesPerPage ResourceTypeFilters ResourceARNList",
    },
}
# Members of every operation: the bucket and the key, checks of integrity, and the bucket's expected owner.
OF_EVERY_OPERATION = {
    "s3": """
        Bucket Key ExpectedBucketOwner ExpectedSourceBucketOwner ContentMD5 ChecksumAlgorithm
        ChecksumCRC32 ChecksumCRC32C ChecksumCRC64NVME ChecksumSHA1 ChecksumSHA256
    """
}
