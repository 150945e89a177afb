import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.function.Function;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewPartitions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.admin.RecordsToDelete;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.acl.AccessControlEntry;
import org.apache.kafka.common.acl.AclBinding;
import org.apache.kafka.common.acl.AclOperation;
import org.apache.kafka.common.acl.AclPermissionType;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.resource.PatternType;
import org.apache.kafka.common.resource.ResourcePattern;
import org.apache.kafka.common.resource.ResourceType;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;

/**
 * Kafka's own Java client for the tests: administration, consumer, producer.
 *
 * <p>KafkaPeer client.properties reads one command a line from standard input, a JSON object whose
 * "do" names a method below, and answers with JSON lines: any number of {"record": ...}, then one
 * {"done": result} or {"error": class, "message": text}. Keys, values and headers are base64, or null.
 * It ends with its input.
 */
public final class KafkaPeer implements AutoCloseable {
    private static final Duration POLL = Duration.ofMillis(200);
    private static final Duration PATIENCE = Duration.ofSeconds(60);

    private final ObjectMapper json = new ObjectMapper();
    private final Properties client = new Properties();
    private final Admin admin;
    private final Map<String, KafkaProducer<byte[], byte[]>> transactional = new HashMap<>();
    private final Map<String, Boolean> inTransaction = new HashMap<>();
    private final PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);

    private KafkaPeer(Path settings) throws IOException {
        try (var reader = Files.newBufferedReader(settings)) {
            client.load(reader);
        }
        admin = Admin.create(client);
    }

    public static void main(String[] args) throws IOException {
        var in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        try (KafkaPeer peer = new KafkaPeer(Path.of(args[0]))) {
            for (String line = in.readLine(); line != null; line = in.readLine()) {
                peer.answer(line);
            }
        }
    }

    @Override
    public void close() {
        // What is still open here stays open for the broker, as after a crash.
        transactional.values().forEach(producer -> producer.close(Duration.ZERO));
        admin.close(Duration.ZERO);
    }

    private void answer(String line) throws JsonProcessingException {
        ObjectNode reply = json.createObjectNode();
        try {
            reply.set("done", obey(json.readTree(line)));
        } catch (Exception exception) {
            Throwable first = exception;
            if (exception instanceof ExecutionException && exception.getCause() != null) {
                first = exception.getCause();
            }
            StringBuilder message = new StringBuilder();
            for (Throwable cause = first; cause != null; cause = cause.getCause()) {
                message.append(cause == first ? "" : ": ").append(cause.getMessage());
            }
            reply.put("error", first.getClass().getSimpleName());
            reply.put("message", message.toString());
        }
        out.println(json.writeValueAsString(reply));
        out.flush();
    }

    private JsonNode obey(JsonNode command) throws Exception {
        String verb = command.get("do").asText();
        switch (verb) {
            case "topics":
                return json.valueToTree(admin.listTopics().names().get());
            case "create_topic":
                return createTopic(command);
            case "delete_topic":
                admin.deleteTopics(List.of(text(command, "topic"))).all().get();
                awaitPartitions(text(command, "topic"), 0);
                return null;
            case "add_partitions":
                admin.createPartitions(Map.of(text(command, "topic"),
                        NewPartitions.increaseTo(command.get("partitions").asInt()))).all().get();
                awaitPartitions(text(command, "topic"), command.get("partitions").asInt());
                return null;
            case "delete_records":
                return deleteRecords(command);
            case "offsets":
                return offsets(command);
            case "committed":
                return committed(command);
            case "allow":
                return allow(command);
            case "consume":
                return consume(command);
            case "produce":
                return produce(command);
            default:
                throw new IllegalArgumentException("unknown command " + verb);
        }
    }

    private JsonNode createTopic(JsonNode command) throws Exception {
        Map<String, String> configs = new HashMap<>();
        command.get("configs").fields().forEachRemaining(
                field -> configs.put(field.getKey(), field.getValue().asText()));
        NewTopic topic = new NewTopic(text(command, "topic"),
                Optional.of(command.get("partitions").asInt()), Optional.of((short) 1));
        admin.createTopics(List.of(topic.configs(configs))).all().get();
        awaitPartitions(topic.name(), topic.numPartitions());
        return null;
    }

    /** Until the broker, which hears of it later than the controller, tells any client of so many. */
    private void awaitPartitions(String topic, int count) throws Exception {
        long deadline = System.nanoTime() + PATIENCE.toNanos();
        while (ledPartitions(topic) != count) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException(topic + " does not get " + count + " partitions");
            }
            Thread.sleep(10);
        }
    }

    private long ledPartitions(String topic) throws Exception {
        try {
            return admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic).partitions()
                    .stream().filter(partition -> partition.leader() != null).count();
        } catch (ExecutionException e) {
            if (e.getCause() instanceof UnknownTopicOrPartitionException) {
                return 0;
            }
            throw e;
        }
    }

    private JsonNode deleteRecords(JsonNode command) throws Exception {
        var partition = new TopicPartition(text(command, "topic"),
                command.get("partition").asInt());
        var before = RecordsToDelete.beforeOffset(command.get("before").asLong());
        admin.deleteRecords(Map.of(partition, before)).all().get();
        return null;
    }

    /** [[first, end], ...] by partition; the end as a reader at that isolation level sees it. */
    private JsonNode offsets(JsonNode command) throws Exception {
        List<TopicPartition> partitions = partitions(text(command, "topic"));
        Map<TopicPartition, Long> first = offsets(partitions, OffsetSpec.earliest(), command);
        Map<TopicPartition, Long> end = offsets(partitions, OffsetSpec.latest(), command);
        ArrayNode all = json.createArrayNode();
        for (TopicPartition partition : partitions) {
            all.addArray().add(first.get(partition)).add(end.get(partition));
        }
        return all;
    }

    private Map<TopicPartition, Long> offsets(List<TopicPartition> partitions, OffsetSpec which,
            JsonNode command) throws Exception {
        Map<TopicPartition, OffsetSpec> query = new HashMap<>();
        partitions.forEach(partition -> query.put(partition, which));
        var options = new ListOffsetsOptions(isolation(command));
        Map<TopicPartition, Long> found = new HashMap<>();
        admin.listOffsets(query, options).all().get()
                .forEach((partition, info) -> found.put(partition, info.offset()));
        return found;
    }

    private List<TopicPartition> partitions(String topic) throws Exception {
        int count = admin.describeTopics(List.of(topic)).allTopicNames().get().get(topic)
                .partitions().size();
        List<TopicPartition> partitions = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            partitions.add(new TopicPartition(topic, i));
        }
        return partitions;
    }

    private static IsolationLevel isolation(JsonNode command) {
        return text(command, "isolation").equals("read_committed")
                ? IsolationLevel.READ_COMMITTED : IsolationLevel.READ_UNCOMMITTED;
    }

    /** {"topic-partition": offset} of what a group has committed. */
    private JsonNode committed(JsonNode command) throws Exception {
        String group = text(command, "group");
        Map<TopicPartition, OffsetAndMetadata> found =
                admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        ObjectNode all = json.createObjectNode();
        found.forEach((partition, offset) -> all.put(partition.toString(), offset.offset()));
        return all;
    }

    private JsonNode allow(JsonNode command) throws Exception {
        var type = ResourceType.fromString(text(command, "type"));
        var pattern = new ResourcePattern(type, text(command, "name"), PatternType.LITERAL);
        List<AclBinding> bindings = new ArrayList<>();
        for (JsonNode operation : command.get("operations")) {
            var entry = new AccessControlEntry("User:" + text(command, "user"), "*",
                    AclOperation.fromString(operation.asText()), AclPermissionType.ALLOW);
            bindings.add(new AclBinding(pattern, entry));
        }
        admin.createAcls(bindings).all().get();
        return null;
    }

    /** Prints what a topic holds, up to the ends that it has when this begins. */
    private JsonNode consume(JsonNode command) throws Exception {
        List<TopicPartition> partitions = partitions(text(command, "topic"));
        Properties settings = with(client, command);
        settings.put("isolation.level", text(command, "isolation"));
        settings.put("enable.auto.commit", "false");
        settings.put("fetch.max.wait.ms", "20");  // the broker's patience before it says: no more
        var deserializer = new ByteArrayDeserializer();
        long count = 0;
        try (var consumer = new KafkaConsumer<byte[], byte[]>(settings, deserializer, deserializer)) {
            consumer.assign(partitions);
            consumer.seekToBeginning(partitions);
            Map<TopicPartition, Long> end = consumer.endOffsets(partitions);
            long deadline = System.nanoTime() + PATIENCE.toNanos();
            while (end.entrySet().stream()
                    .anyMatch(entry -> consumer.position(entry.getKey()) < entry.getValue())) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException("the end is not reached");
                }
                for (ConsumerRecord<byte[], byte[]> record : consumer.poll(POLL)) {
                    if (record.offset() < end.get(
                            new TopicPartition(record.topic(), record.partition()))) {
                        out.println(json.writeValueAsString(
                                json.createObjectNode().set("record", describe(record))));
                        count++;
                    }
                }
            }
        }
        return json.valueToTree(count);
    }

    private ObjectNode describe(ConsumerRecord<byte[], byte[]> record) {
        ObjectNode node = json.createObjectNode();
        node.put("partition", record.partition());
        node.put("offset", record.offset());
        node.put("timestamp", record.timestamp());
        node.put("key", record.key());  // Jackson writes bytes as base64
        node.put("value", record.value());
        ArrayNode headers = node.putArray("headers");
        for (Header header : record.headers()) {
            headers.addArray().add(header.key()).add(header.value());
        }
        return node;
    }

    /**
     * Sends records and waits until all are written. With "transaction" they belong to the transaction
     * of that id, which is begun where it is not open, and then committed, aborted or left "open".
     * Answers with [[partition, offset], ...].
     */
    private JsonNode produce(JsonNode command) throws Exception {
        if (!command.hasNonNull("transaction")) {
            try (var producer = producer(with(client, command))) {
                return send(producer, command);
            }
        }
        String id = text(command, "transaction");
        KafkaProducer<byte[], byte[]> producer = transactional.get(id);
        if (producer == null) {
            Properties settings = with(client, command);
            settings.put("transactional.id", id);
            producer = producer(settings);
            transactional.put(id, producer);
            producer.initTransactions();
        }
        if (!inTransaction.getOrDefault(id, false)) {
            producer.beginTransaction();
            inTransaction.put(id, true);
        }
        JsonNode result = send(producer, command);
        switch (text(command, "end")) {
            case "commit":
                producer.commitTransaction();
                break;
            case "abort":
                producer.abortTransaction();
                break;
            default:
                return result;
        }
        inTransaction.put(id, false);
        return result;
    }

    private JsonNode send(KafkaProducer<byte[], byte[]> producer, JsonNode command)
            throws Exception {
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        for (JsonNode node : command.get("records")) {
            Integer partition = optional(node, "partition", JsonNode::asInt);
            Long timestamp = optional(node, "timestamp", JsonNode::asLong);
            var record = new ProducerRecord<byte[], byte[]>(text(command, "topic"), partition,
                    timestamp, bytes(node.get("key")), bytes(node.get("value")));
            for (JsonNode header : node.path("headers")) {
                record.headers().add(header.get(0).asText(), bytes(header.get(1)));
            }
            sent.add(producer.send(record));
        }
        producer.flush();
        ArrayNode places = json.createArrayNode();
        for (Future<RecordMetadata> future : sent) {
            RecordMetadata place = future.get();
            places.addArray().add(place.partition()).add(place.offset());
        }
        return places;
    }

    private static KafkaProducer<byte[], byte[]> producer(Properties settings) {
        var serializer = new ByteArraySerializer();
        return new KafkaProducer<>(settings, serializer, serializer);
    }

    private static Properties with(Properties base, JsonNode command) {
        Properties all = new Properties();
        all.putAll(base);
        command.path("settings").fields().forEachRemaining(
                field -> all.put(field.getKey(), field.getValue().asText()));
        return all;
    }

    private static String text(JsonNode node, String name) {
        return node.get(name).asText();
    }

    private static <T> T optional(JsonNode node, String name, Function<JsonNode, T> read) {
        return node.hasNonNull(name) ? read.apply(node.get(name)) : null;
    }

    private static byte[] bytes(JsonNode node) {
        return node == null || node.isNull() ? null : Base64.getDecoder().decode(node.asText());
    }
}
