import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import kafka.Kafka;
import kafka.tools.StorageTool;

/**
 * A Kafka node: formats its storage the first time, then runs it until it is told to end.
 *
 * <p>KafkaNode server.properties CLUSTER_ID. Both steps are Kafka's own programs; in one process
 * they take half the time of two.
 */
public final class KafkaNode {
    private KafkaNode() {}

    public static void main(String[] args) throws Exception {
        Properties properties = new Properties();
        try (var reader = Files.newBufferedReader(Path.of(args[0]))) {
            properties.load(reader);
        }
        Path storage = Path.of(properties.getProperty("log.dirs"));
        if (!Files.exists(storage.resolve("meta.properties"))) {
            String[] format = {"format", "-t", args[1], "-c", args[0]};
            int code = StorageTool.execute(format, System.out);
            if (code != 0) {
                System.exit(code);
            }
        }
        Kafka.main(new String[] {args[0]});
    }
}
